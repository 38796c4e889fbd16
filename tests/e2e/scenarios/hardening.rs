//! General protections: injection, outbound connections, imports of the components, and the list of promises.

use std::{fs, path::Path};

use e2e::{World, root};
use http::Method;
use serde_json::json;

// S26
#[test]
fn sql_injection_is_impossible() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    for text in [
        "'; DROP TABLE users; --",
        "\" OR 1=1 --",
        "$1",
        "\\'; SELECT pg_sleep(9); --",
        "%' OR '1'='1",
    ] {
        let body = json!({ "first_name": text, "last_name": text });
        let profile = tenant.patch("/api/v1/profile", &body).token(token).send().expect(200);
        assert_eq!(profile["first_name"], text);
        let search = world.encoded(text);
        let users = tenant.get(&format!("/api/v1/users?search={search}")).token(token).send();
        assert_eq!(users.expect(200)["total"], 1, "{text}");
        let path = format!("/admin/tenants?search={search}");
        assert_eq!(world.admin(Method::GET, &path).send().expect(200)["total"], 0, "{text}");
        let path = format!("/api/v1/tenant/audit?event={search}&actor={search}");
        assert_eq!(tenant.get(&path).token(token).send().expect(200)["items"], json!([]));
        let path = format!("/api/v1/files?prefix={search}");
        let files = tenant.get(&path).token(token).send();
        assert!(files.status == 200 || files.status == 422, "{}", files.text);
        // The names of databases and roles always have a validated type.
        let named = json!({ "name": "X", "admin_email": "a@acme.com", "slug": text });
        assert_eq!(world.admin_post("/admin/tenants", &named).send().expect_invalid(), ["slug"]);
        let plan = json!({ "plan": text });
        let path = format!("/admin/tenants/{}", tenant.id);
        let refused = world.admin(Method::PATCH, &path).json(&plan).send();
        assert_eq!(refused.expect_invalid(), ["plan"]);
    }
    tenant.get("/api/v1/profile").token(token).send().expect(200);
}

// S29
#[test]
fn undeclared_hosts_are_unreachable() {
    let world = World::get();
    let elsewhere = world.application_with(&[("ALLOWED_REDIS_HOSTS", "redis://127.0.0.1:1")]);
    let report = e2e::Call::new(Method::GET, &elsewhere.address, "/health/detailed").send();
    assert_eq!(report.expect(200)["redis"]["status"], "unavailable");
    let elsewhere = world.application_with(&[("ALLOWED_POSTGRES_HOSTS", "postgres://127.0.0.1:1")]);
    let report = e2e::Call::new(Method::GET, &elsewhere.address, "/health/detailed").send();
    assert_eq!(report.expect(503)["catalog"]["status"], "unavailable");
    for path in
        ["//evil.example/", "/\\evil.example", "/?next=https://evil.example", "/docs/", "/health/"]
    {
        let answer = world.get_path(path).header("x-forwarded-host", "evil.example").send();
        assert!(!(300..400).contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(answer.header("location"), "");
    }
    // Only one component may send HTTP requests to other hosts, and only to those of its settings. So no caller can make a
    // component reach another host.
    let manifest = fs::read_to_string(root().join("spin.toml")).unwrap();
    for component in manifest.split("\n[component.").skip(1) {
        let hosts = component.lines().find(|line| line.starts_with("allowed_outbound_hosts"));
        let Some(hosts) = hosts else { continue };
        if component.starts_with("outbound]") {
            let own = r#"["{{ mail_api_url }}", "{{ breached_passwords_url }}"]"#;
            assert_eq!(hosts, format!("allowed_outbound_hosts = {own}"));
        } else {
            let without = hosts.replace("\"http://outbound.spin.internal\"", "");
            for other in ["http", "mail_api", "breached_passwords"] {
                assert!(!without.contains(other), "{hosts}");
            }
        }
    }
}

// S40
#[test]
fn components_import_only_required_interfaces() {
    for component in ["account", "admin", "auth", "tenant", "health"] {
        let path = root().join(format!("target/wasm32-wasip2/release/{component}.wasm"));
        let wasm = fs::read(path).unwrap();
        let imports = |name: &str| wasm.windows(name.len()).any(|window| window == name.as_bytes());
        for needed in ["spin:postgres/postgres", "spin:redis/redis", "spin:variables/variables"] {
            assert!(imports(needed), "{component} imports {needed}");
        }
        for unneeded in [
            "wasi:sockets",
            "wasi:http/outgoing-handler",
            "spin:sqlite",
            "spin:mysql",
            "spin:mqtt",
            "spin:llm",
            "fermyon:spin/llm",
            "fermyon:spin/mysql",
        ] {
            assert!(!imports(unneeded), "{component} imports {unneeded}");
        }
        // They call the component `outbound`.
        let is_calling = ["account", "admin", "auth"].contains(&component);
        assert_eq!(imports("wasi:http/client"), is_calling, "{component}");
    }
    let outbound = fs::read(root().join("target/wasm32-wasip2/release/outbound.wasm")).unwrap();
    let imports = |name: &str| outbound.windows(name.len()).any(|part| part == name.as_bytes());
    assert!(imports("wasi:http/client") && imports("spin:variables/variables"));
    for store in ["spin:postgres", "spin:redis", "spin:key-value", "fermyon:spin", "wasi:sockets"] {
        assert!(!imports(store), "outbound imports {store}");
    }
    let manifest = fs::read_to_string(root().join("spin.toml")).unwrap();
    let auth = manifest
        .split("[component.auth]")
        .nth(1)
        .unwrap()
        .split("[component.tenant]")
        .next()
        .unwrap();
    assert!(!auth.contains("key_value_stores"), "the component for sign-in does not need files");
    assert!(root().join("Cargo.lock").exists() && root().join("deny.toml").exists());
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

// S25
#[test]
fn randomness_comes_only_from_platform() {
    let mut found = Vec::new();
    for folder in ["crates", "components"] {
        sources(&root().join(folder), &mut found);
    }
    let elsewhere = found.iter().filter(|(name, _)| !name.contains("platform/src/"));
    for (name, source) in elsewhere {
        for other in ["getrandom", "rand::", "OsRng", "thread_rng", "fastrand", "RandomState"] {
            assert!(!source.contains(other), "{name} has {other}");
        }
    }
}

/// Checks that `docs/security.md` names a test for each of the 66 promises, and that each test file names its promise.
#[test]
fn security_promises_have_tests() {
    let document = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| S")).collect();
    assert_eq!(rows.len(), 66);
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let item = format!("S{}", index + 1);
        assert_eq!(cells[1], item);
        let tests: Vec<_> = cells[3].split(", ").map(|test| test.trim_matches('`')).collect();
        assert!(!tests.is_empty());
        for test in tests {
            let (file, name) = test.rsplit_once("::").unwrap_or_else(|| panic!("{item}: {test}"));
            let source = fs::read_to_string(root().join(file)).unwrap_or_else(|_| panic!("{file}"));
            assert!(source.contains(&format!("fn {name}(")), "{item}: {test}");
            let names_it = source.lines().any(|line| {
                let marks = line.trim().strip_prefix("// ");
                marks.is_some_and(|marks| marks.split(", ").any(|mark| mark == item))
            });
            assert!(names_it, "{file} does not name {item}");
        }
    }
}
