//! `templates/tenancy-app` on a real Spin: a new application behind the gate.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use e2e::{Application, Call, World, root, unique};
use http::Method;
use serde_json::json;

#[test]
#[ignore = "needs a real Spin"]
fn new_application_of_template_knows_its_tenant() {
    let world = World::get();
    let folder = world.services.folder().join(unique("template"));
    let source = folder.join("source/templates/tenancy-app");
    copy(&root().join("templates/tenancy-app"), &source);
    let gate = root().join("target/wasm32-wasip2/release/gate.wasm");
    fs::copy(gate, source.join("content/gate.wasm")).unwrap();
    let spin = |at: &Path, arguments: &[&str]| {
        let mut command = Command::new(std::env::var_os("SPIN").expect("SPIN is a real Spin"));
        // Spin stores templates in a folder of its own, and Cargo needs no network.
        let command = command.args(arguments).current_dir(at);
        let command = command.env("SPIN_DATA_DIR", folder.join("data"));
        let output = command.env("CARGO_NET_OFFLINE", "true").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    };
    spin(&folder, &["templates", "install", "--dir", "source"]);
    let name = ["new", "-t", "tenancy-app", "--accept-defaults", "--no-vcs", "my-app"];
    spin(&folder, &name);
    let application = folder.join("my-app");
    // The tested versions of the libraries, which this machine already has.
    fs::copy(root().join("Cargo.lock"), application.join("Cargo.lock")).unwrap();
    spin(&application, &["build"]);

    let settings = BTreeMap::from([("TENANCY_URL", format!("http://{}", world.address()))]);
    let manifest = application.join("spin.toml");
    let running = Application::start_manifest(&manifest, &settings, &folder, &[]);
    let get = |path: &str| Call::new(Method::GET, &running.address, path);
    for _ in 0..2 {
        let tenant = world.tenant();
        let user = tenant.user("user");
        let forged = get("/").token(&user.access_token).header("x-tenant-id", "forged");
        let caller = forged.try_send().unwrap().expect(200);
        let known = [
            &caller["tenant_id"],
            &caller["tenant_slug"],
            &caller["user_id"],
            &caller["user_role"],
        ];
        assert_eq!(known, [&tenant.id, &tenant.slug, &user.id, "user"], "{caller}");
        let key = tenant.api_key(&["tenant:read"]);
        let caller = get("/").header("x-api-key", &key).try_send().unwrap().expect(200);
        assert_eq!(
            (&caller["tenant_id"], &caller["scopes"]),
            (&json!(tenant.id), &json!(["tenant:read"]))
        );
        assert!(caller["user_id"].is_null() && caller["api_key_id"].is_string(), "{caller}");
    }
    let refused = get("/").try_send().unwrap();
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("authentication_required")));
    assert_eq!(get("/health").try_send().unwrap().status, 200);
}

/// Copies a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
