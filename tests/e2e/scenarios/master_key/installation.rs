//! Separate servers, and applications with several master keys on them.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Output,
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Application, Call, Databases, FileStore, Proxy, Services};
use http::Method;
use serde_json::{Value, json};

pub const OLD: &str = "for tests only: the key that seals other keys";
pub const NEW: &str = "for tests only: the key that seals them after that one";
const PASSWORD: &str = "a password for tests";

/// The current key, and the other keys separated by commas.
pub type Ring = (&'static str, &'static str);

pub const BEFORE: Ring = (OLD, "");
pub const LEARNING: Ring = (OLD, NEW);
pub const TURNED: Ring = (NEW, OLD);
pub const AFTER: Ring = (NEW, "");

pub struct Installation {
    pub services: Services,
    files: PathBuf,
}

impl Installation {
    pub fn new() -> Self {
        let services = Services::start();
        let files = services.folder().join("files.db");
        let installation = Self { services, files };
        installation.succeeds(BEFORE, &["migrate"]);
        installation
    }

    pub fn settings(&self, ring: Ring, postgres: Option<&Proxy>) -> BTreeMap<&'static str, String> {
        let mut databases = self.services.databases();
        if let Some(proxy) = postgres {
            databases = Databases { postgres: proxy.address.clone(), ..databases };
        }
        let mut settings = self.services.settings(&databases);
        settings.insert("MASTER_ENCRYPTION_KEY", ring.0.to_owned());
        settings.insert("MASTER_DECRYPTION_KEYS", ring.1.to_owned());
        settings.insert("REFRESH_GRACE_SECONDS", "60".to_owned());
        settings
    }

    pub fn application(&self, ring: Ring, postgres: Option<&Proxy>) -> Application {
        let settings = self.settings(ring, postgres);
        Application::start_sharing(
            &settings,
            &self.services.folder(),
            FileStore::Sqlite(&self.files),
        )
    }

    pub fn tenantctl(&self, ring: Ring, arguments: &[&str]) -> Output {
        e2e::tenantctl(&self.settings(ring, None), arguments)
    }

    #[track_caller]
    pub fn succeeds(&self, ring: Ring, arguments: &[&str]) -> String {
        let output = self.tenantctl(ring, arguments);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{lines}{}", String::from_utf8_lossy(&output.stderr));
        lines
    }

    #[track_caller]
    pub fn fails(&self, ring: Ring, arguments: &[&str]) -> String {
        let output = self.tenantctl(ring, arguments);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success(), "{lines}");
        lines
    }

    /// Returns the key ids of the sealed values, and the number of values for each.
    pub fn heads(&self) -> Vec<(String, i64)> {
        let statement = "
            SELECT encode(substring(value FOR 5), 'hex'), count(*) FROM (
                SELECT database_password AS value FROM tenants UNION ALL
                SELECT data_key FROM tenants UNION ALL SELECT answer FROM idempotency_keys
            ) sealed WHERE value IS NOT NULL GROUP BY 1 ORDER BY 2";
        let rows = self.services.superuser("tenancy").query(statement, &[]).unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Returns the ids of the keys with which the addresses of users are hashed.
    pub fn address_keys(&self) -> Vec<String> {
        let statement = "SELECT DISTINCT encode(key_id, 'hex') FROM verified_addresses";
        let rows = self.services.superuser("tenancy").query(statement, &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until a statement with this text waits for a lock.
    pub fn wait_until_locked_out(&self, text: &str) {
        let statement = "SELECT FROM pg_stat_activity
                         WHERE wait_event_type = 'Lock' AND position($1 IN query) > 0";
        let mut superuser = self.services.superuser("tenancy");
        let begin = Instant::now();
        while superuser.query(statement, &[&text]).unwrap().is_empty() {
            assert!(begin.elapsed().as_secs() < 60, "{text} waits");
            sleep(Duration::from_millis(5));
        }
    }

    pub fn admin(&self, at: &Application, method: Method, path: &str) -> Call {
        let key = self.services.settings(&self.services.databases())["ADMIN_API_KEY"].clone();
        Call::new(method, &at.address, path).token(&key)
    }

    pub fn create(&self, at: &Application, slug: &str) -> Call {
        let body =
            json!({ "name": slug, "slug": slug, "admin_email": format!("a@{slug}.example") });
        self.admin(at, Method::POST, "/admin/tenants").json(&body).header("idempotency-key", slug)
    }

    pub fn change(&self, at: &Application, id: &str, change: &Value) {
        self.admin(at, Method::PATCH, &format!("/admin/tenants/{id}"))
            .json(change)
            .send()
            .expect(200);
    }
}

fn post(at: &Application, path: &str, body: &Value) -> Call {
    Call::new(Method::POST, &at.address, path).json(body)
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

pub fn refresh(at: &Application, token: &str) -> Answer {
    post(at, "/api/v1/auth/refresh", &json!({ "refresh_token": token })).send()
}

/// A tenant with one of each object that depends on the master key.
pub struct Tenant {
    created: Value,
    pub id: String,
    pub slug: &'static str,
    access_token: String,
    refresh_token: String,
}

impl Tenant {
    pub fn new(installation: &Installation, at: &Application, slug: &'static str) -> Self {
        let created = installation.create(at, slug).send().expect(201);
        let setup = json!({ "setup_token": created["setup_token"], "password": PASSWORD });
        let signed_in = post(at, "/api/v1/auth/setup", &setup).slug(slug).send().expect(200);
        Self {
            id: text(&created["id"]),
            slug,
            access_token: text(&signed_in["access_token"]),
            refresh_token: text(&signed_in["refresh_token"]),
            created,
        }
    }

    /// Returns the name of the database.
    pub fn database(&self) -> String {
        format!("tenant_{}", self.id.replace('-', ""))
    }

    pub fn call(&self, at: &Application, method: Method, path: &str) -> Call {
        Call::new(method, &at.address, path).token(&self.access_token)
    }

    pub fn put(&self, at: &Application, path: &str, value: &str) {
        let call = self.call(at, Method::PUT, path).body("text/plain", value);
        assert!(call.send().status < 300, "{path}");
    }

    #[track_caller]
    pub fn has(&self, at: &Application, path: &str, value: &str) {
        let answer = self.call(at, Method::GET, path).send();
        assert_eq!((answer.status, answer.text.as_str()), (200, value), "{path}");
    }

    pub fn log_in(&self, at: &Application) -> Answer {
        let email = format!("a@{}.example", self.slug);
        let body = json!({ "email": email, "password": PASSWORD });
        post(at, "/api/v1/auth/login", &body).slug(self.slug).send()
    }

    /// Asserts that this application can use the data from before a rotation.
    #[track_caller]
    pub fn goes_on(&mut self, at: &Application) {
        self.has(at, "/api/v1/files/f", "a file");
        self.has(at, "/api/v1/cache/c", "an entry");
        let call = Call::new(Method::GET, &at.address, "/api/v1/tenant/info");
        call.token(&text(&self.created["api_key"])).send().expect(200);
        let next = refresh(at, &self.refresh_token).expect(200);
        self.access_token = text(&next["access_token"]);
        self.refresh_token = text(&next["refresh_token"]);
    }

    /// Asserts that repeating the creation returns the same response.
    #[track_caller]
    pub fn is_created_once(&self, installation: &Installation, at: &Application) {
        let again = installation.create(at, self.slug).send();
        let created = again.expect(201);
        for name in ["id", "api_key", "setup_token"] {
            assert_eq!(created[name], self.created[name], "{name}");
        }
        assert_eq!(again.header("idempotency-replayed"), "true");
    }

    #[track_caller]
    pub fn is_audited(&self, installation: &Installation, at: &Application) {
        let path = format!("/admin/audit/verify?tenant_id={}", self.id);
        let found = installation.admin(at, Method::GET, &path).send().expect(200);
        assert_eq!(found["valid"], true, "{found}");
    }

    /// Records an event, and waits until it is chained with the current key of `at`.
    pub fn adds_an_event(&self, installation: &Installation, at: &Application, email: &str) {
        let call = self.call(at, Method::POST, "/api/v1/users").json(&json!({ "email": email }));
        let created = call.send().expect(201);
        let statement = "SELECT FROM tenant_audit_logs WHERE resource_id = $1";
        let mut superuser = installation.services.superuser("tenancy");
        let begin = Instant::now();
        while superuser.query(statement, &[&text(&created["id"])]).unwrap().is_empty() {
            assert!(begin.elapsed().as_secs() < 60, "the event is chained");
            sleep(Duration::from_millis(20));
        }
    }
}
