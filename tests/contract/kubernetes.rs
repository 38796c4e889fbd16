//! `deploy/spinkube` and `deploy/kubernetes`: the manifests match the schemas of Kubernetes and of its operator for Spin, each
//! other, and the application.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use e2e::root;
use serde_json::{Value, json};

use crate::{run, tool};

/// A copy of `deploy/` in a temporary folder, with the files that an operator adds.
struct Copy(PathBuf);

impl Copy {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tenancy-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        run(Command::new("cp").arg("-R").arg(root().join("deploy")).arg(&folder));
        let copy = Self(folder);
        let production = copy.0.join("deploy/kubernetes/production");
        fs::copy(production.join("production.env.example"), production.join("production.env"))
            .unwrap();
        let runtime = copy.0.join("deploy/spinkube/runtime-config.toml");
        fs::copy(runtime, production.join("production.toml")).unwrap();
        copy
    }

    /// Writes the output of kustomize for `deploy/kubernetes/production` to a file.
    fn rendered(&self) -> PathBuf {
        let folder = self.0.join("deploy/kubernetes/production");
        let output = Command::new(tool("KUBECTL")).arg("kustomize").arg(folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        let file = self.0.join("rendered.yaml");
        fs::write(&file, output.stdout).unwrap();
        file
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn validate(files: &[PathBuf]) -> Output {
    let python = Path::new(&tool("SCHEMATHESIS")).with_file_name("python");
    let script = root().join("tests/contract/kubernetes/validate.py");
    Command::new(python).arg(script).args(files).output().unwrap()
}

/// Returns the objects of a file.
fn objects(file: &Path) -> Vec<Value> {
    serde_saphyr::from_multiple(&fs::read_to_string(file).unwrap()).unwrap()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Returns the objects of a kind by name.
fn of_kind<'a>(objects: &'a [Value], kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let found = objects.iter().filter(|object| object["kind"] == kind);
    let found: BTreeMap<_, _> = found.map(|object| (name(object), object)).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

fn texts(of: &Value) -> BTreeSet<&str> {
    of.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn kubernetes_manifests_match_schemas() {
    let copy = Copy::new("schemas");
    let plain = ["settings", "tenancy", "maintenance", "files"];
    let plain = plain.map(|name| root().join(format!("deploy/spinkube/{name}.yaml")));
    let rendered = copy.rendered();
    let output = validate(&[plain.as_slice(), std::slice::from_ref(&rendered)].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let kinds = [
        "SpinAppExecutor/spin",
        "SpinApp/tenancy-auth",
        "Secret/tenancy-runtime-config",
        "Ingress/tenancy",
        "NetworkPolicy/tenancy",
        "HorizontalPodAutoscaler/tenancy-auth",
        "PodDisruptionBudget/tenancy",
        "CronJob/tenancy-maintenance",
        "Deployment/tenancy-mail",
        "ConfigMap/tenancy",
    ];
    for kind in kinds {
        assert!(said.lines().any(|line| line == kind), "{kind} is not in\n{said}");
    }

    // The check finds errors in each kind of schema.
    let text = fs::read_to_string(&rendered).unwrap();
    for (from, to) in [
        ("enableAutoscaling: true", "enableAutoscaling: yes please"),
        ("enableAutoscaling:", "autoscaling:"),
        ("maxReplicas: 8", "maxReplicas: many"),
        ("maxUnavailable:", "maximumUnavailable:"),
        ("podSelector:", "podSelectors:"),
    ] {
        assert!(text.contains(from), "{from}");
        let wrong = copy.0.join("wrong.yaml");
        fs::write(&wrong, text.replacen(from, to, 1)).unwrap();
        assert!(!validate(&[wrong]).status.success(), "{to} is valid");
    }
}

/// Returns a text in which the comment that begins with a line is no comment.
fn enabled(text: &str, first: &str) -> String {
    let mut is_within = false;
    let lines = text.lines().map(|line| {
        let content = line.trim_start();
        is_within = content == first || is_within && content.starts_with('#');
        if is_within { line.replacen("# ", "", 1) } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn optional_parts_match_schemas() {
    let copy = Copy::new("options");
    let apps = of_kind(&objects(&copy.rendered()), "SpinApp").len();
    let folder = copy.0.join("deploy/kubernetes/production");
    for (file, first) in [("kustomization.yaml", "# patches:"), ("network-policy.yaml", "# - to:")]
    {
        let file = folder.join(file);
        let text = fs::read_to_string(&file).unwrap();
        let own = enabled(&text, first);
        assert_ne!(own.trim_end(), text.trim_end(), "{} has no comment {first}", file.display());
        fs::write(&file, own.replace("BASE_DOMAIN=", "ALLOWED_ORIGINS=\n      - BASE_DOMAIN="))
            .unwrap();
    }
    let rendered = copy.rendered();
    let output = validate(std::slice::from_ref(&rendered));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let objects = objects(&rendered);
    let changed = of_kind(&objects, "SpinApp");
    assert_eq!(changed.len(), apps);
    let setting = json!({ "name": "allowed_origins",
                          "valueFrom": { "configMapKeyRef": { "name": "tenancy", "key": "ALLOWED_ORIGINS" } } });
    for (app, object) in changed {
        let variables = object["spec"]["variables"].as_array().unwrap();
        assert!(variables.len() > 1 && variables.contains(&setting), "{app}");
    }
    let policy = &of_kind(&objects, "NetworkPolicy")["tenancy"]["spec"];
    let rules = policy["egress"].as_array().unwrap();
    let collector = rules.iter().find(|rule| rule["ports"][0]["port"] == 4317).unwrap();
    assert_eq!(collector["ports"], json!([{ "port": 4317 }, { "port": 4318 }]));
}

#[test]
fn spin_apps_match_application() {
    let copy = Copy::new("variables");
    let objects = objects(&copy.rendered());
    let manifest: toml::Table =
        fs::read_to_string(root().join("spin.toml")).unwrap().parse().unwrap();
    let variables = manifest["variables"].as_table().unwrap();
    let required = variables.iter().filter(|(_, variable)| variable.get("required").is_some());
    let required: BTreeSet<_> = required.map(|(name, _)| name.as_str()).collect();
    let components = manifest["component"].as_table().unwrap();
    let defined = |kind| {
        let object = of_kind(&objects, kind)["tenancy"];
        object["data"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
    };
    let (settings, secrets) = (defined("ConfigMap"), defined("Secret"));
    for (app, object) in of_kind(&objects, "SpinApp") {
        let spec = &object["spec"];
        let given = spec["variables"].as_array().unwrap();
        let names: BTreeSet<_> =
            given.iter().map(|given| given["name"].as_str().unwrap()).collect();
        assert!(required.is_subset(&names), "{app} lacks {:?}", required.difference(&names));
        for given in given {
            let name = given["name"].as_str().unwrap();
            let variable = variables.get(name).unwrap_or_else(|| panic!("{app}: {name}"));
            let is_secret = variable.get("secret").is_some();
            let (kind, keys) =
                if is_secret { ("secretKeyRef", &secrets) } else { ("configMapKeyRef", &settings) };
            let key = name.to_uppercase();
            let mut wanted = json!({ kind: { "name": "tenancy", "key": key } });
            // The secret of an installation with another transport of mail lacks it.
            if name == "mail_api_token" {
                wanted[kind]["optional"] = json!(true);
            }
            assert_eq!(given["valueFrom"], wanted, "{app}: {name}");
            assert!(keys.contains(&key), "the overlay has no {key}");
        }
        let chosen = texts(&spec["components"]);
        assert!(chosen.iter().all(|name| components.contains_key(*name)), "{app}: {chosen:?}");
        assert!(chosen.is_empty() || chosen.contains("health"), "{app}: the probes need health");
        let runtime = spec["runtimeConfig"]["loadFromSecret"].as_str().unwrap();
        assert!(of_kind(&objects, "Secret").contains_key(runtime), "{app}: {runtime}");
    }
}

/// Returns whether a path of an Ingress matches, and how specific it is.
fn rank(rule: &Value, path: &str) -> Option<(usize, bool)> {
    let wanted = rule["path"].as_str().unwrap();
    let is_exact = rule["pathType"] == "Exact";
    let rest = path.strip_prefix(wanted.trim_end_matches('/'));
    let matches = if is_exact {
        path == wanted
    } else {
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    matches.then_some((wanted.len(), is_exact))
}

/// Returns the service to which a rule of an Ingress sends a path.
fn backend<'a>(rule: &'a Value, path: &str) -> Option<&'a str> {
    let paths = rule["http"]["paths"].as_array().unwrap().iter();
    let best = paths.filter(|rule| rank(rule, path).is_some()).max_by_key(|rule| rank(rule, path));
    best.map(|rule| rule["backend"]["service"]["name"].as_str().unwrap())
}

#[test]
fn ingress_routes_each_endpoint_to_its_component() {
    let copy = Copy::new("ingress");
    let objects = objects(&copy.rendered());
    let apps = of_kind(&objects, "SpinApp");
    let ingress = of_kind(&objects, "Ingress")["tenancy"];
    let rules = ingress["spec"]["rules"].as_array().unwrap();
    let hosts: Vec<_> = rules.iter().map(|rule| rule["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["example.com", "*.example.com"]);
    assert_eq!(texts(&ingress["spec"]["tls"][0]["hosts"]), hosts.into_iter().collect());
    let groups = [
        ("account", account::ENDPOINTS),
        ("admin", admin::ENDPOINTS),
        ("auth", auth::ENDPOINTS),
        ("tenant", tenant::ENDPOINTS),
        ("health", health::ENDPOINTS),
    ];
    for (component, endpoints) in groups {
        for endpoint in endpoints {
            let path = endpoint.path.replace(['{', '}', '*'], "");
            let is_public = !path.starts_with("/admin") && path != "/metrics";
            let mut addressed = vec![path.clone()];
            if ["account", "auth", "tenant"].contains(&component) {
                addressed
                    .extend(["/t/acme", "/tenant/acme"].map(|prefix| format!("{prefix}{path}")));
                // Well-known files have one address.
                addressed.retain(|path| !path.contains("/.well-known/") || !path.contains("acme"));
            }
            for path in addressed {
                for rule in rules {
                    let Some(service) = backend(rule, &path) else {
                        assert!(!is_public, "{path} has no rule");
                        continue;
                    };
                    assert!(is_public, "{path} is public");
                    let components = texts(&apps[service]["spec"]["components"]);
                    let serves = components.is_empty() || components.contains(component);
                    assert!(serves, "{service} serves {path} without {component}");
                }
            }
        }
    }
    // Sign-in and tenants' data scale apart.
    let service = |path| backend(&rules[0], path).unwrap();
    assert_eq!(service("/api/v1/auth/login"), "tenancy-auth");
    assert_eq!(service("/api/v1/files/a/b"), "tenancy-tenant");
}

/// Returns the pod templates of all jobs.
fn jobs(objects: &[Value]) -> BTreeMap<&str, &Value> {
    let jobs = of_kind(objects, "CronJob").into_iter();
    jobs.map(|(name, job)| (name, &job["spec"]["jobTemplate"]["spec"]["template"])).collect()
}

#[test]
fn scaling_budgets_and_policies_match_spin_apps() {
    let copy = Copy::new("scaling");
    let objects = objects(&copy.rendered());
    let apps = of_kind(&objects, "SpinApp");
    let scaled: BTreeSet<_> = of_kind(&objects, "HorizontalPodAutoscaler")
        .into_values()
        .map(|scaler| scaler["spec"]["scaleTargetRef"]["name"].as_str().unwrap())
        .collect();
    let budgets = of_kind(&objects, "PodDisruptionBudget");
    let part = "app.kubernetes.io/part-of";
    let policy = &of_kind(&objects, "NetworkPolicy")["tenancy"]["spec"];
    assert_eq!(policy["podSelector"]["matchLabels"], json!({ part: "tenancy" }));
    assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
    for (name, app) in &apps {
        let spec = &app["spec"];
        assert_eq!(spec["enableAutoscaling"] == true, scaled.contains(name), "{name}");
        assert_eq!(spec["replicas"].is_null(), scaled.contains(name), "{name}");
        assert_eq!(spec["podLabels"][part], "tenancy", "{name}");
        // The operator gives this label to the pods of an application.
        let pods = &budgets[name]["spec"]["selector"]["matchLabels"];
        assert_eq!(pods, &json!({ "core.spinkube.dev/app-name": name }));
    }
    assert_eq!(scaled, BTreeSet::from(["tenancy-auth", "tenancy-tenant"]));
    assert_eq!(budgets.len(), apps.len());

    // S39, S40
    for (name, template) in jobs(&objects) {
        assert_eq!(template["metadata"]["labels"][part], "tenancy", "{name}");
        let spec = &template["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{name}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        let containers = ["initContainers", "containers"].map(|kind| spec[kind].as_array());
        for container in containers.into_iter().flatten().flatten() {
            let wanted = json!({ "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                                 "capabilities": { "drop": ["ALL"] } });
            assert_eq!(container["securityContext"], wanted, "{name}: {}", container["name"]);
        }
    }
}

#[test]
fn overlay_sets_namespace_and_images() {
    let copy = Copy::new("images");
    let file = copy.0.join("deploy/kubernetes/production/kustomization.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let tag = format!("newTag: {}", env!("CARGO_PKG_VERSION"));
    let own = text
        .replace("newName: registry.example.com", "newName: registry.test/own")
        .replace(&tag, "newTag: 9.9.9");
    fs::write(&file, own).unwrap();
    let objects = objects(&copy.rendered());
    for object in &objects {
        assert_eq!(object["metadata"]["namespace"], "tenancy", "{}", name(object));
    }
    let apps = of_kind(&objects, "SpinApp").into_values();
    let images = apps.map(|app| app["spec"]["image"].as_str().unwrap());
    assert_eq!(
        images.collect::<BTreeSet<_>>(),
        BTreeSet::from(["registry.test/own/tenancy:9.9.9"])
    );
    let mut images = BTreeSet::new();
    for template in jobs(&objects).into_values() {
        let containers =
            ["initContainers", "containers"].map(|kind| template["spec"][kind].as_array());
        for container in containers.into_iter().flatten().flatten() {
            images.insert(container["image"].as_str().unwrap());
        }
    }
    images.retain(|image| !image.starts_with("docker.io/curlimages/curl:"));
    assert_eq!(images, BTreeSet::from(["registry.test/own/tenantctl:9.9.9"]));
}
