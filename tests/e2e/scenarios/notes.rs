//! `examples/notes`: a service with a database for each tenant.

use std::process::{Command, Output};

use e2e::{
    Answer, PgBouncer, Process, TestTenant, World, database::DATABASE_CREDENTIALS, free_port, root,
    unique,
};
use http::Method;
use serde_json::{Value, json};

/// The running example.
struct Notes {
    address: String,
    _process: Process,
}

fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Adds the script and its settings to a command.
fn configure(command: &mut Command, keys: &Value, lifetime: u32) {
    command
        .arg(root().join("examples/notes/notes.py"))
        .env("TENANCY_URL", format!("http://{}", World::get().address()))
        .env("NOTES_KEYS", keys.to_string())
        .env("CREDENTIAL_SECONDS", lifetime.to_string());
}

impl Notes {
    fn start(keys: &Value, lifetime: u32) -> Self {
        Self::start_with(keys, lifetime, &[])
    }

    fn start_with(keys: &Value, lifetime: u32, settings: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = Process::command(python());
        configure(&mut command, keys, lifetime);
        command.envs(settings.iter().copied());
        command.env("PORT", port.to_string());
        let log = World::get().services.folder().join(unique("notes"));
        let mut process = Process::start(&mut command, &log);
        let address = format!("127.0.0.1:{port}");
        process.wait_until_listening(&address);
        Self { address, _process: process }
    }

    fn call(&self, method: Method, path: &str, token: &str) -> e2e::Call {
        e2e::Call::new(method, &self.address, path).token(token)
    }

    fn create(&self, token: &str, body: &str) -> Answer {
        self.call(Method::POST, "/notes", token).json(&json!({ "body": body })).send()
    }

    fn bodies(&self, token: &str) -> Vec<String> {
        let list = self.call(Method::GET, "/notes", token).send().expect(200);
        let items = list["items"].as_array().unwrap();
        items.iter().map(|note| note["body"].as_str().unwrap().to_owned()).collect()
    }
}

/// Creates the tables of each tenant.
fn migrate(keys: &Value) -> Output {
    let mut command = Command::new(python());
    configure(&mut command, keys, 3_600);
    command.arg("migrate").output().unwrap()
}

fn keys(tenants: &[&TestTenant]) -> Value {
    let mut keys = json!({});
    for tenant in tenants {
        keys[&tenant.slug] = json!(tenant.api_key(&["database:owner"]));
    }
    keys
}

#[test]
fn notes_stay_in_tenants_database() {
    let world = World::get();
    let (acme, globex) = (world.tenant(), world.tenant());
    let keys = keys(&[&acme, &globex]);
    for _ in 0..2 {
        let migrated = migrate(&keys);
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    }
    let notes = Notes::start(&keys, 3_600);
    let created = notes.create(&acme.admin.access_token, "of Acme").expect(201);
    assert_eq!(created["author"], acme.admin.id);
    notes.create(&globex.api_key(&["tenant:read"]), "of Globex").expect(201);
    assert_eq!(notes.bodies(&acme.admin.access_token), ["of Acme"]);
    assert_eq!(notes.bodies(&globex.admin.access_token), ["of Globex"]);
    // Each note is in the database of its tenant.
    for (tenant, body) in [(&acme, "of Acme"), (&globex, "of Globex")] {
        let mut database = world.services.superuser(&tenant.database());
        let found: String = database.query_one("SELECT body FROM app.notes", &[]).unwrap().get(0);
        assert_eq!(found, body);
    }
    // Errors of Tenancy arrive unchanged, and a foreign number finds nothing.
    let refused = notes.call(Method::GET, "/notes", "nonsense").send();
    assert_eq!(refused.expect(401)["code"], "invalid_token");
    let number = created["id"].as_i64().unwrap();
    let path = format!("/notes/{}", number + 1);
    assert_eq!(notes.call(Method::DELETE, &path, &acme.admin.access_token).send().status, 404);
    for unstorable in ["", "a\0b"] {
        assert_eq!(notes.create(&acme.admin.access_token, unstorable).status, 422);
    }
    let path = format!("/notes/{}", u64::MAX);
    assert_eq!(notes.call(Method::DELETE, &path, &acme.admin.access_token).send().status, 422);
}

#[test]
fn service_renews_ended_credential() {
    let world = World::get();
    let tenant = world.tenant();
    let keys = keys(&[&tenant]);
    assert!(migrate(&keys).status.success());
    let notes = Notes::start(&keys, 60);
    let token = tenant.admin.access_token.as_str();
    notes.create(token, "first").expect(201);
    // An operator revokes the credential of the service. The next request gets a new one.
    let list = tenant.get(DATABASE_CREDENTIALS).token(token).send().expect(200);
    let path = format!("{DATABASE_CREDENTIALS}/{}", list["items"][0]["id"].as_str().unwrap());
    assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    notes.create(token, "second").expect(201);
    assert_eq!(notes.bodies(token), ["second", "first"]);
    // Its API key is revoked: the service has no access any longer.
    let keys = tenant.get("/api/v1/api-keys").token(token).send().expect(200);
    let service = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["scopes"] == json!(["database:owner"]));
    let path = format!("/api/v1/api-keys/{}", service.unwrap()["id"].as_str().unwrap());
    assert_eq!(tenant.delete(&path).token(token).send().status, 204);
    let refused = notes.create(token, "third");
    assert_eq!(refused.expect(401)["code"], "invalid_api_key");
}

#[test]
fn notes_work_behind_pgbouncer() {
    let pgbouncer = PgBouncer::get();
    let tenants: Vec<_> = (0..2).map(|_| World::get().tenant()).collect();
    let keys = keys(&[&tenants[0], &tenants[1]]);
    assert!(migrate(&keys).status.success());
    for tenant in &tenants {
        pgbouncer.allow(tenant);
    }
    let tenancy = format!("http://{}", pgbouncer.application.address);
    let notes = Notes::start_with(&keys, 3_600, &[("TENANCY_URL", &tenancy), ("PGBOUNCER", "yes")]);
    // Each request may run on another connection of PgBouncer, so no prepared statement may be kept.
    for number in 0..20 {
        for tenant in &tenants {
            let body = format!("{number} of {}", tenant.slug);
            notes.create(&tenant.admin.access_token, &body).expect(201);
        }
    }
    for tenant in &tenants {
        let bodies = notes.bodies(&tenant.admin.access_token);
        assert_eq!(bodies.len(), 20);
        assert!(bodies.iter().all(|body| body.ends_with(&tenant.slug)), "{bodies:?}");
    }
}
