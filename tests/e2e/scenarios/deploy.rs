//! Compares the files in `deploy/` with `spin.toml`.

use std::{collections::BTreeSet, net::IpAddr};

use e2e::{Application, Call, World, root};
use http::Method;
use ipnet::IpNet;

const RUNTIME_CONFIGURATIONS: [&str; 3] = [
    "runtime-config.toml",
    "deploy/spinkube/runtime-config.toml",
    "deploy/service/runtime-config.toml",
];

fn table(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns all variables of the application, and the required ones.
fn variables() -> (BTreeSet<String>, BTreeSet<String>) {
    let manifest = table("spin.toml");
    let variables = manifest["variables"].as_table().unwrap();
    let required = variables.iter().filter(|(_, variable)| variable.get("required").is_some());
    (variables.keys().cloned().collect(), required.map(|(name, _)| name.clone()).collect())
}

#[track_caller]
fn fits(path: &str, given: &BTreeSet<String>) {
    let (all, required) = variables();
    let missing: Vec<_> = required.difference(given).collect();
    assert!(missing.is_empty(), "{path} lacks variables without a default: {missing:?}");
    let unknown: Vec<_> = given.difference(&all).collect();
    assert!(unknown.is_empty(), "{path} has variables that spin.toml does not have: {unknown:?}");
}

#[test]
fn spinkube_variables_match_manifest() {
    let path = "deploy/spinkube/tenancy.yaml";
    let manifest = std::fs::read_to_string(root().join(path)).unwrap();
    let (_, variables) = manifest.split_once("\n  variables:\n").unwrap();
    let names = variables.lines().filter_map(|line| line.strip_prefix("    - name: "));
    fits(path, &names.map(str::to_owned).collect());
}

/// The files with the applications of an installation.
const SPIN_APPS: [&str; 3] = [
    "deploy/spinkube/tenancy.yaml",
    "deploy/kubernetes/base/auth.yaml",
    "deploy/kubernetes/base/tenant.yaml",
];

/// The settings of the component `outbound`, and whether they come from a secret.
const OF_OUTBOUND: [(&str, bool); 4] = [
    ("MAIL_API_URL", false),
    ("MAIL_API_FORMAT", false),
    ("MAIL_API_TOKEN", true),
    ("BREACHED_PASSWORDS_URL", false),
];

#[test]
fn selected_components_include_the_called_one_with_its_settings() {
    let callers = ["account", "admin", "auth"];
    let settings = std::fs::read_to_string(root().join("deploy/spinkube/settings.yaml")).unwrap();
    let overlay = "deploy/kubernetes/production/kustomization.yaml";
    let overlay = std::fs::read_to_string(root().join(overlay)).unwrap();
    for path in SPIN_APPS {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let app = text.split("\n---\n").find(|part| part.contains("\nkind: SpinApp\n")).unwrap();
        let app: serde_json::Value = serde_saphyr::from_str(app).unwrap();
        let spec = &app["spec"];
        let variables = spec["variables"].as_array().unwrap();
        fits(
            path,
            &variables
                .iter()
                .map(|variable| variable["name"].as_str().unwrap().to_owned())
                .collect(),
        );
        // Without a list, the SpinApp runs all components.
        let selected = spec["components"].as_array();
        let runs =
            |name: &str| selected.is_none_or(|selected| selected.iter().any(|own| own == name));
        let needs_outbound = callers.iter().any(|caller| runs(caller));
        assert_eq!(runs("outbound"), needs_outbound, "{path}");
        for (name, is_secret) in OF_OUTBOUND {
            let given = variables.iter().find(|variable| variable["name"] == name.to_lowercase());
            let is_needed = needs_outbound || runs("tenant") && name == "BREACHED_PASSWORDS_URL";
            assert_eq!(given.is_some(), is_needed, "{path}: {name}");
            let Some(given) = given else { continue };
            let kind = if is_secret { "secretKeyRef" } else { "configMapKeyRef" };
            let source = &given["valueFrom"][kind];
            assert_eq!(
                (&source["name"], &source["key"]),
                (&"tenancy".into(), &name.into()),
                "{path}"
            );
            // An installation without this transport has no token.
            assert_eq!(source["optional"] == true, is_secret, "{path}");
            let is_configured = settings.contains(&format!("\n  {name}: "))
                && overlay.contains(&format!("\n      - {name}="));
            assert_eq!(is_configured, !is_secret, "{name}");
        }
    }
}

#[test]
fn akamai_variables_match_manifest() {
    let path = "deploy/akamai/variables.example.toml";
    fits(path, &table(path).keys().cloned().collect());
}

#[test]
fn runtime_configurations_define_component_stores() {
    let manifest = table("spin.toml");
    let components = manifest["component"].as_table().unwrap().values();
    let labels = components.filter_map(|component| component.get("key_value_stores"));
    let labels: BTreeSet<&str> = labels
        .flat_map(|labels| labels.as_array().unwrap())
        .map(|label| label.as_str().unwrap())
        .collect();
    for path in RUNTIME_CONFIGURATIONS {
        let configuration = table(path);
        let stores =
            configuration["key_value_store"].as_table().unwrap().keys().map(String::as_str);
        assert_eq!(stores.collect::<BTreeSet<_>>(), labels, "{path}");
    }
}

/// Returns the blocked networks of a runtime configuration.
fn blocked_networks(path: &str) -> Vec<IpNet> {
    let configuration = table(path);
    let networks = configuration["outbound_networking"]["block_networks"].as_array().unwrap();
    networks.iter().map(|network| network.as_str().unwrap().parse().unwrap()).collect()
}

// S29
#[test]
fn runtime_configurations_block_metadata_services() {
    // AWS, Azure, Google Cloud and others; AWS with IPv6; Google Cloud with IPv6; Azure; Alibaba Cloud.
    let metadata =
        ["169.254.169.254", "fd00:ec2::254", "fd20:ce::254", "168.63.129.16", "100.100.100.200"];
    for path in RUNTIME_CONFIGURATIONS {
        let blocked = blocked_networks(path);
        for address in metadata {
            let address: IpAddr = address.parse().unwrap();
            let is_blocked = blocked.iter().any(|network| network.contains(&address));
            assert!(is_blocked, "{path}: {address}");
        }
    }
    // `./dev up` has its stores on loopback.
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let of_loopback = |path| blocked_networks(path).iter().any(|net| net.contains(&loopback));
    assert_eq!(RUNTIME_CONFIGURATIONS.map(of_loopback), [false, true, true]);
}

#[test]
fn blocked_redis_is_unreachable() {
    let world = World::get();
    let (settings, folder) = (world.settings(), world.services.folder());
    let health = |blocked: &[&str]| {
        let application = Application::start_blocking(&settings, &folder, blocked);
        Call::new(Method::GET, &application.address, "/health/detailed").send()
    };
    let report = health(&["169.254.0.0/16"]).expect(200);
    assert_eq!(report["status"], "healthy");
    let answer = health(&["127.0.0.0/8"]);
    // Spin 4.1 ends the instance if no address of Redis remains.
    if answer.status != 500 {
        let report = answer.expect(200);
        assert_eq!(report["redis"]["status"], "unavailable");
        // Like Spin, the runner does not compare the addresses of PostgreSQL. docs/deploy.md says so.
        assert_eq!(report["catalog"]["status"], "healthy");
    }
}

/// Returns the paths that a Dockerfile copies for the build of a stage.
fn copied(dockerfile: &str, stage: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join(dockerfile)).unwrap();
    let (_, rest) = text.split_once(&format!("AS {stage}\n")).unwrap();
    let build = rest.split("\nFROM ").next().unwrap();
    let copies = build.lines().filter_map(|line| line.strip_prefix("COPY "));
    let paths = copies.flat_map(|line| line.rsplit_once(' ').unwrap().0.split(' '));
    paths.map(str::to_owned).collect()
}

#[test]
fn image_builds_copy_workspace() {
    let manifest = table("Cargo.toml");
    let members = manifest["workspace"]["members"].as_array().unwrap();
    for (dockerfile, stage) in [
        ("deploy/service/Dockerfile", "built-components"),
        ("deploy/tenantctl/Dockerfile", "built-tenantctl"),
    ] {
        let copied = copied(dockerfile, stage);
        for member in members {
            let member = member.as_str().unwrap().trim_end_matches("/*");
            let is_copied =
                copied.iter().any(|path| std::path::Path::new(member).starts_with(path));
            assert!(is_copied, "{dockerfile} lacks COPY {member}");
        }
        let ignored = std::fs::read_to_string(root().join(".dockerignore")).unwrap();
        let allowed: BTreeSet<_> =
            ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
        let missing: Vec<_> =
            copied.iter().filter(|path| !allowed.contains(path.as_str())).collect();
        assert!(missing.is_empty(), ".dockerignore excludes {missing:?}");
    }
}

/// Returns the settings that a service of `compose.yaml` gets.
fn given_by_compose(service: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("compose.yaml")).unwrap();
    let compose: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    let environment = compose["services"][service]["environment"].as_object().unwrap();
    environment.keys().cloned().collect()
}

#[test]
fn compose_variables_match_manifest() {
    let path = "compose.yaml";
    let service = given_by_compose("tenancy");
    let service: BTreeSet<_> =
        service.iter().map(|name| name.strip_prefix("SPIN_VARIABLE_").unwrap()).collect();
    fits(path, &service.iter().map(|name| name.to_lowercase()).collect());
    // tenantctl has the same settings, except those of a running service.
    let of_service =
        ["METRICS_TOKEN", "TRUSTED_PROXIES", "ALLOWED_POSTGRES_HOSTS", "ALLOWED_REDIS_HOSTS"];
    let shared = service.iter().filter(|name| !of_service.contains(name));
    let shared: BTreeSet<_> = shared.map(|name| (*name).to_owned()).collect();
    assert_eq!(given_by_compose("migrate"), shared);
    let mut with_relay = shared;
    with_relay.insert("SMTP_URL".to_owned());
    assert_eq!(given_by_compose("mail"), with_relay);
}
