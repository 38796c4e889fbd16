//! Tenants and users for tests.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Call, World};

/// The password of all test users.
const PASSWORD: &str = "a password for tests";

/// Returns a name that is unique in this run, of letters, digits and a hyphen.
pub fn unique(stem: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// A tenant for one test.
pub struct TestTenant {
    world: &'static World,
    /// The slug.
    pub slug: String,
    /// The id.
    pub id: String,
    /// The response to the creation.
    pub created: Value,
    /// The first administrator, signed in.
    pub admin: TestUser,
}

/// A signed-in user.
pub struct TestUser {
    /// The id.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// An access token.
    pub access_token: String,
    /// A refresh token.
    pub refresh_token: String,
}

impl TestTenant {
    pub(crate) fn create(world: &'static World, slug: &str) -> Self {
        let email = format!("admin@{slug}.example");
        let created = world
            .admin_post(
                "/admin/tenants",
                &json!({ "name": format!("Tenant {slug}"), "admin_email": email, "slug": slug }),
            )
            .send()
            .expect(201);
        let setup = json!({ "setup_token": created["setup_token"], "password": PASSWORD });
        let signed_in = world.post("/api/v1/auth/setup", &setup).send().expect(200);
        Self {
            world,
            slug: slug.to_owned(),
            id: created["id"].as_str().expect("a tenant has an id").to_owned(),
            admin: TestUser::from(&signed_in),
            created,
        }
    }

    /// Starts a GET request to this tenant.
    pub fn get(&self, path: &str) -> Call {
        self.world.call(Method::GET, path).slug(&self.slug)
    }

    /// Starts a POST request with a JSON body to this tenant.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.world.post(path, body).slug(&self.slug)
    }

    /// Starts a PATCH request with a JSON body to this tenant.
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.world.call(Method::PATCH, path).json(body).slug(&self.slug)
    }

    /// Starts a PUT request with bytes to this tenant.
    pub fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) -> Call {
        self.world.call(Method::PUT, path).body("application/octet-stream", bytes).slug(&self.slug)
    }

    /// Starts a PUT request with text of a content type to this tenant.
    pub fn call_put(&self, path: &str, content_type: &str, text: &str) -> Call {
        self.world.call(Method::PUT, path).body(content_type, text).slug(&self.slug)
    }

    /// Starts a HEAD request to this tenant.
    pub fn head(&self, path: &str) -> Call {
        self.world.call(Method::HEAD, path).slug(&self.slug)
    }

    /// Starts a DELETE request to this tenant.
    pub fn delete(&self, path: &str) -> Call {
        self.world.call(Method::DELETE, path).slug(&self.slug)
    }

    /// Creates an API key with these scopes, and returns it.
    pub fn api_key(&self, scopes: &[&str]) -> String {
        let created = self.create_api_key(&json!({ "name": "of a test", "scopes": scopes }));
        created["api_key"].as_str().expect("a new key is shown").to_owned()
    }

    /// Creates an API key, and returns the response.
    pub fn create_api_key(&self, body: &Value) -> Value {
        self.post("/api/v1/api-keys", body).token(&self.admin.access_token).send().expect(201)
    }

    /// Returns the rows of an event in the audit trail, oldest first.
    pub fn audited(&self, event: &str) -> Vec<Value> {
        let query = "SELECT jsonb_build_object('actor_type', actor_type, 'actor_id', actor_id,
                         'resource_type', resource_type, 'resource_id', resource_id,
                         'result', result, 'severity', severity, 'address', address,
                         'request_id', request_id, 'detail', detail)::text
                     FROM tenant_audit_logs WHERE tenant_id = $1::text::uuid AND event = $2
                     ORDER BY sequence";
        let rows = self.world.services.superuser("tenancy").query(query, &[&self.id, &event]);
        let rows = rows.expect("the trail is read");
        let row = |row: &postgres::Row| serde_json::from_str(row.get(0)).expect("rows are JSON");
        rows.iter().map(row).collect()
    }

    /// Waits until the audit trail has exactly `count` rows of an event, and returns them.
    #[track_caller]
    pub fn wait_until_audited(&self, event: &str, count: usize) -> Vec<Value> {
        let begin = Instant::now();
        loop {
            let rows = self.audited(event);
            if rows.len() >= count {
                assert_eq!(rows.len(), count, "{event}: {rows:?}");
                return rows;
            }
            assert!(begin.elapsed().as_secs() < 60, "{event} is not in the trail: {rows:?}");
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the stored files of the tenant have this total size. A deleted file is included until its chunks are
    /// deleted.
    #[track_caller]
    pub fn wait_until_stored(&self, bytes: i64) {
        let begin = Instant::now();
        while self.used("storage")["current_usage"] != bytes {
            assert!(begin.elapsed().as_secs() < 60, "{}", self.used("storage"));
            sleep(Duration::from_millis(50));
        }
    }

    /// Signs a user in.
    pub fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).send()
    }

    /// Creates a user with a role, and signs the user in.
    pub fn user(&self, role: &str) -> TestUser {
        let email = format!("{}@{}.example", unique(role), self.slug);
        let body = json!({ "email": email, "role": role });
        let call = self.post("/api/v1/users", &body).token(&self.admin.access_token);
        // Password hashing dominates the run time of tests. Setting the password with the setup token hashes it only
        // once.
        let setup_token = call.send().expect(201)["setup_token"].clone();
        let setup = json!({ "setup_token": setup_token, "password": PASSWORD });
        TestUser::from(&self.post("/api/v1/auth/setup", &setup).send().expect(200))
    }

    /// Changes the limits of the tenant as the operator.
    pub fn limit(&self, limits: &Value) {
        let path = format!("/admin/tenants/{}", self.id);
        let body = json!({ "limits": limits });
        self.world.admin(Method::PATCH, &path).json(&body).send().expect(200);
    }

    /// Raises the limits of calls, for a test with many calls.
    pub fn allow_many_calls(&self) {
        self.limit(&json!({ "api_calls": 1_000_000, "requests_per_minute": 1_000_000 }));
    }

    /// Returns the usage of a resource.
    pub fn used(&self, resource: &str) -> Value {
        let path = format!("/api/v1/tenant/usage?resource_type={resource}");
        self.get(&path).token(&self.admin.access_token).send().expect(200)
    }

    /// Returns the origin of the tenant's pages on its subdomain.
    pub fn origin(&self) -> String {
        format!("https://{}.saas.example", self.slug)
    }

    /// Returns the name of the database.
    pub fn database(&self) -> String {
        format!("tenant_{}", self.id.replace('-', ""))
    }
}

impl From<&Value> for TestUser {
    fn from(signed_in: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a sign-in is complete").to_owned();
        Self {
            id: text(&signed_in["user"]["id"]),
            email: text(&signed_in["user"]["email"]),
            password: PASSWORD.to_owned(),
            access_token: text(&signed_in["access_token"]),
            refresh_token: text(&signed_in["refresh_token"]),
        }
    }
}
