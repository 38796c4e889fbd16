//! Tenants in every state, plans and settings.

use http::Method;
use serde_json::{Value, json};

use super::{PASSWORD, Tenant};
use crate::{
    api::{Api, expect, refused, text},
    ledger::Ledger,
};

/// The tenants of an operator.
pub struct Tenants {
    suspended: Tenant,
    deleted: Tenant,
    destroyed: String,
    /// The body of a creation with an idempotency key, and the tenant that it created.
    repeatable: Value,
    created: String,
}

const KEY: &str = "the creation before the upgrade";

impl Tenants {
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        let plan = json!({ "name": "team", "limits": { "users": 7, "storage": 1_000_000, "api_calls": 1_000,
                           "ai_requests": 10, "requests_per_minute": 600 } });
        expect(api.operator(Method::POST, "/admin/plans").json(&plan), 201);
        let repeatable = json!({ "name": "Repeatable", "slug": "repeatable", "admin_email": "admin@repeatable.example",
                                 "plan": "team", "domain": "repeatable.example.com",
                                 "settings": { "ring": "canary", "number": 12_345 } });
        let call = api.operator(Method::POST, "/admin/tenants").header("idempotency-key", KEY);
        let created = text(&expect(call.json(&repeatable), 201), "id");
        ledger.add(&created, "tenant.created", &created);

        let suspended = Tenant::create(api, ledger, "suspended");
        let path = format!("/admin/tenants/{}", suspended.id);
        let suspend = json!({ "status": "suspended" });
        expect(api.operator(Method::PATCH, &path).json(&suspend), 200);
        ledger.add(&suspended.id, "tenant.suspended", &suspended.id);
        let deleted = Tenant::create(api, ledger, "deleted");
        let path = format!("/admin/tenants/{}", deleted.id);
        expect(api.operator(Method::DELETE, &path), 204);
        ledger.add(&deleted.id, "tenant.deleted", &deleted.id);
        let destroyed = Tenant::create(api, ledger, "destroyed").id;
        let path = format!("/admin/tenants/{destroyed}?hard_delete=true");
        expect(api.operator(Method::DELETE, &path), 204);
        ledger.add(&destroyed, "tenant.destroyed", &destroyed);
        Self { suspended, deleted, destroyed, repeatable, created }
    }

    pub fn check(&self, api: &Api) {
        let show = |id: &str| api.operator(Method::GET, &format!("/admin/tenants/{id}"));
        let shown = expect(show(&self.created), 200);
        assert_eq!(
            (&shown["plan"], &shown["domain"]),
            (&json!("team"), &self.repeatable["domain"]),
            "{shown}"
        );
        let settings = &self.repeatable["settings"];
        // Settings of a release without private settings become private.
        assert!(
            shown["settings"] == *settings || shown["private_settings"] == *settings,
            "{shown}"
        );
        let call = api.operator(Method::POST, "/admin/tenants").header("idempotency-key", KEY);
        let repeated = expect(call.json(&self.repeatable), 201);
        assert_eq!(repeated["id"], self.created.as_str(), "{repeated}");
        let limits = expect(api.operator(Method::GET, "/admin/plans/team"), 200);
        assert_eq!(limits["limits"]["users"], 7, "{limits}");

        let verify = |tenant: &Tenant| api.get("/api/v1/auth/verify").token(&tenant.key);
        refused(verify(&self.suspended), 403, "tenant_suspended");
        let activate = json!({ "status": "active" });
        let path = format!("/admin/tenants/{}", self.suspended.id);
        expect(api.operator(Method::PATCH, &path).json(&activate), 200);
        expect(verify(&self.suspended), 200);
        let login = json!({ "email": self.suspended.admin, "password": PASSWORD });
        expect(api.post("/api/v1/auth/login", &login).slug(&self.suspended.slug), 200);

        refused(verify(&self.deleted), 403, "tenant_deleted");
        assert_eq!(expect(show(&self.deleted.id), 200)["status"], "deleted");
        expect(show(&self.destroyed), 404);
    }
}
