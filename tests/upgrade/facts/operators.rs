//! Operator keys, in releases that have them.

use http::Method;
use serde_json::json;

use crate::api::{Api, expect, text};

/// A valid and a revoked operator key, or none.
pub struct Operators(Option<(String, String)>);

impl Operators {
    pub fn create(api: &Api) -> Self {
        if !api.has("/admin/operator-keys") {
            return Self(None);
        }
        let create = |name: &str| {
            let body = json!({ "name": name, "scopes": ["tenants:read"] });
            expect(api.operator(Method::POST, "/admin/operator-keys").json(&body), 201)
        };
        let (valid, revoked) = (create("Valid"), create("Revoked"));
        let path = format!("/admin/operator-keys/{}", text(&revoked, "id"));
        expect(api.operator(Method::DELETE, &path), 204);
        Self(Some((text(&valid, "operator_key"), text(&revoked, "operator_key"))))
    }

    pub fn check(&self, api: &Api) {
        let Some((valid, revoked)) = &self.0 else { return };
        expect(api.get("/admin/tenants").token(valid), 200);
        expect(api.get("/admin/plans").token(valid), 403);
        expect(api.get("/admin/tenants").token(revoked), 401);
    }
}
