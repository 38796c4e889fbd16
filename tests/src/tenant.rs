//! Tenants and users for tests.

use std::sync::atomic::{AtomicU32, Ordering};

use http::Method;
use serde_json::{Value, json};

use crate::{Answer, Call, World};

/// The password of every user of the tests.
const PASSWORD: &str = "a password for tests";

/// A name that no other test of the run has, of letters, digits and a hyphen.
pub fn unique(stem: &str) -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", LAST.fetch_add(1, Ordering::Relaxed))
}

/// A tenant of a test's own.
pub struct TestTenant {
    world: &'static World,
    /// The slug.
    pub slug: String,
    /// The id.
    pub id: String,
    /// What the creation answered.
    pub created: Value,
    /// Its first administrator, who is signed in.
    pub admin: TestUser,
}

/// A user who is signed in.
pub struct TestUser {
    /// The id.
    pub id: String,
    /// The address.
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

    /// A GET, addressed to this tenant.
    pub fn get(&self, path: &str) -> Call {
        self.world.call(Method::GET, path).slug(&self.slug)
    }

    /// A POST with a JSON body, addressed to this tenant.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.world.post(path, body).slug(&self.slug)
    }

    /// Signs in.
    pub fn login(&self, email: &str, password: &str) -> Answer {
        self.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).send()
    }

    /// A new user of a role, who is signed in.
    pub fn user(&self, role: &str) -> TestUser {
        let email = format!("{}@{}.example", unique(role), self.slug);
        let body = json!({ "email": email, "password": PASSWORD, "role": role });
        self.post("/api/v1/users", &body).token(&self.admin.access_token).send().expect(201);
        TestUser::from(&self.login(&email, PASSWORD).expect(200))
    }

    /// The name of its database.
    pub fn database(&self) -> String {
        format!("tenant_{}", self.slug)
    }
}

impl From<&Value> for TestUser {
    fn from(signed_in: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a sign-in is whole").to_owned();
        Self {
            id: text(&signed_in["user"]["id"]),
            email: text(&signed_in["user"]["email"]),
            password: PASSWORD.to_owned(),
            access_token: text(&signed_in["access_token"]),
            refresh_token: text(&signed_in["refresh_token"]),
        }
    }
}
