//! The data of the installation before the upgrade.

mod application;
mod files;
mod identity;
mod operators;
mod quota;
mod tenants;

use http::Method;
use serde_json::{Value, json};

use self::{
    application::ApplicationData, files::Files, identity::Identity, operators::Operators,
    quota::Quota, tenants::Tenants,
};
use crate::{
    api::{Api, expect, text},
    ledger::Ledger,
};

pub const PASSWORD: &str = "a password for the upgrade";

/// A tenant with a signed-in administrator and an API key with every scope.
pub struct Tenant {
    pub slug: String,
    pub id: String,
    pub admin: String,
    pub access_token: String,
    pub refresh_token: String,
    pub key: String,
    /// The day of the creation, in UTC.
    pub created_on: String,
}

impl Tenant {
    /// Creates a tenant with limits that the test does not reach.
    pub fn create(api: &Api, ledger: &Ledger, slug: &str) -> Self {
        let admin = format!("admin@{slug}.example");
        let body = json!({ "name": format!("Tenant {slug}"), "slug": slug, "admin_email": admin });
        let created = expect(api.operator(Method::POST, "/admin/tenants").json(&body), 201);
        let id = text(&created, "id");
        ledger.add(&id, "tenant.created", &id);
        let limits = json!({ "limits": { "users": 100_000, "api_calls": 10_000_000, "ai_requests": 100_000,
                                         "requests_per_minute": 1_000_000 } });
        let path = format!("/admin/tenants/{id}");
        expect(api.operator(Method::PATCH, &path).json(&limits), 200);
        let setup = json!({ "setup_token": created["setup_token"], "password": PASSWORD });
        let signed_in = expect(api.post("/api/v1/auth/setup", &setup), 200);
        let mut tenant = Self {
            slug: slug.to_owned(),
            id,
            admin,
            access_token: text(&signed_in, "access_token"),
            refresh_token: text(&signed_in, "refresh_token"),
            key: String::new(),
            created_on: today(),
        };
        let scopes = [
            "files:read",
            "files:write",
            "cache:read",
            "cache:write",
            "users:read",
            "users:write",
            "tenant:read",
            "profile:read",
            "profile:write",
            "usage:write",
        ];
        let body = json!({ "name": "Everything", "scopes": scopes });
        tenant.key = text(&tenant.create_key(api, ledger, &body), "api_key");
        tenant
    }

    /// Creates an API key, and returns the response.
    pub fn create_key(&self, api: &Api, ledger: &Ledger, body: &Value) -> Value {
        let created = expect(api.post("/api/v1/api-keys", body).token(&self.access_token), 201);
        ledger.add(&self.id, "api_key.created", &text(&created, "id"));
        created
    }
}

/// Returns the current day in UTC.
pub fn today() -> String {
    let now = std::time::SystemTime::now();
    chrono::DateTime::<chrono::Utc>::from(now).format("%F").to_string()
}

/// Everything that exists before the upgrade.
pub struct Facts {
    identity: Identity,
    files: Files,
    quota: Quota,
    tenants: Tenants,
    operators: Operators,
    application: ApplicationData,
}

impl Facts {
    /// Creates the data at an instance of the previous release.
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        Self {
            identity: Identity::create(api, ledger),
            files: Files::create(api, ledger),
            quota: Quota::create(api, ledger),
            tenants: Tenants::create(api, ledger),
            operators: Operators::create(api),
            application: ApplicationData::create(api, ledger),
        }
    }

    /// Asserts that everything is in effect at an instance of the new release.
    pub fn check(&self, api: &Api, has_same_counters: bool) {
        self.identity.check(api);
        self.files.check(api);
        self.quota.check(api, has_same_counters);
        self.tenants.check(api);
        self.operators.check(api);
        self.application.check(api);
    }
}

/// Creates a tenant at an instance of the previous release after the migration.
pub fn create_late(api: &Api, ledger: &Ledger) -> Tenant {
    Tenant::create(api, ledger, "late")
}

/// Asserts that the late tenant works.
pub fn check_late(api: &Api, tenant: &Tenant) {
    let login = json!({ "email": tenant.admin, "password": PASSWORD });
    expect(api.post("/api/v1/auth/login", &login).slug(&tenant.slug), 200);
    let put = api.call(Method::PUT, "/api/v1/files/late.txt").token(&tenant.key);
    expect(put.body("text/plain", "late"), 201);
}
