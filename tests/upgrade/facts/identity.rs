//! Users, sessions and keys: valid ones, and ended ones.

use http::Method;
use serde_json::json;

use super::{PASSWORD, Tenant};
use crate::{
    api::{Api, expect, refused, text},
    ledger::Ledger,
};

/// The credentials of a tenant.
pub struct Identity {
    tenant: Tenant,
    /// Another tenant, which the credentials must not reach.
    other: String,
    member_email: String,
    setup_token: String,
    limited_key: String,
    previous_secret: String,
    revoked_key: String,
    ended_session: String,
    ended_refresh_token: String,
    deleted_user: String,
}

impl Identity {
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        let tenant = Tenant::create(api, ledger, "identity");
        let other = Tenant::create(api, ledger, "foreign").slug;
        let member = "member@identity.example";
        let body =
            json!({ "email": member, "password": PASSWORD, "role": "viewer", "first_name": "Zoë" });
        let created = expect(api.post("/api/v1/users", &body).token(&tenant.access_token), 201);
        ledger.add(&tenant.id, "user.created", &text(&created, "id"));
        let invited = json!({ "email": "invited@identity.example" });
        let invited = expect(api.post("/api/v1/users", &invited).token(&tenant.access_token), 201);
        ledger.add(&tenant.id, "user.created", &text(&invited, "id"));

        let deleted = json!({ "email": "deleted@identity.example", "password": PASSWORD });
        let deleted = expect(api.post("/api/v1/users", &deleted).token(&tenant.access_token), 201);
        let deleted_user = text(&deleted, "id");
        let path = format!("/api/v1/users/{deleted_user}");
        expect(api.call(Method::DELETE, &path).token(&tenant.access_token), 204);
        ledger.add(&tenant.id, "user.deleted", &deleted_user);

        let login = json!({ "email": member, "password": PASSWORD });
        let ended = expect(api.post("/api/v1/auth/login", &login).slug(&tenant.slug), 200);
        let ended_session = text(&ended, "access_token");
        let ended_refresh_token = text(&ended, "refresh_token");
        let logout = api.post("/api/v1/auth/logout", &json!({})).token(&ended_session);
        assert!(matches!(logout.try_send().unwrap().status, 200 | 204));

        let key = |name: &str| {
            let body = json!({ "name": name, "scopes": ["files:read"] });
            let created = tenant.create_key(api, ledger, &body);
            (text(&created, "id"), text(&created, "api_key"))
        };
        let (revoked_id, revoked_key) = key("Revoked");
        let path = format!("/api/v1/api-keys/{revoked_id}");
        expect(api.call(Method::DELETE, &path).token(&tenant.access_token), 204);
        ledger.add(&tenant.id, "api_key.revoked", &revoked_id);
        let (rotated_id, previous_secret) = key("Rotated");
        let path = format!("/api/v1/api-keys/{rotated_id}/rotate");
        let rotation = json!({ "overlap_seconds": 3600 });
        let rotated = expect(api.post(&path, &rotation).token(&tenant.access_token), 200);
        ledger.add(&tenant.id, "api_key.rotated", &rotated_id);
        Self {
            tenant,
            other,
            member_email: member.to_owned(),
            setup_token: text(&invited, "setup_token"),
            limited_key: text(&rotated, "api_key"),
            previous_secret,
            revoked_key,
            ended_session,
            ended_refresh_token,
            deleted_user,
        }
    }

    pub fn check(&self, api: &Api) {
        let Self { tenant, .. } = self;
        let verify = |credential: &str| api.get("/api/v1/auth/verify").token(credential);
        for credential in
            [&tenant.access_token, &tenant.key, &self.limited_key, &self.previous_secret]
        {
            let verified = expect(verify(credential), 200);
            assert_eq!(verified["tenant_id"], tenant.id.as_str(), "{verified}");
            refused(verify(credential).slug(&self.other), 403, "tenant_mismatch");
        }
        let verified = expect(verify(&self.limited_key), 200);
        assert_eq!(verified["scopes"], json!(["files:read"]), "{verified}");
        for credential in [&self.revoked_key, &self.ended_session] {
            expect(verify(credential), 401);
        }
        let refresh = |token: &str| {
            api.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).slug(&tenant.slug)
        };
        expect(refresh(&self.ended_refresh_token), 401);
        expect(refresh(&tenant.refresh_token), 200);
        let login = |email: &str, password: &str| {
            let body = json!({ "email": email, "password": password });
            api.post("/api/v1/auth/login", &body).slug(&tenant.slug)
        };
        let member = expect(login(&self.member_email, PASSWORD), 200);
        assert_eq!(
            (&member["user"]["role"], &member["user"]["first_name"]),
            (&json!("viewer"), &json!("Zoë"))
        );
        refused(login(&self.member_email, "another password"), 401, "invalid_credentials");
        refused(login("deleted@identity.example", PASSWORD), 401, "invalid_credentials");
        let deleted = format!("/api/v1/users/{}", self.deleted_user);
        expect(api.get(&deleted).token(&tenant.access_token), 404);
        let setup = json!({ "setup_token": self.setup_token, "password": PASSWORD });
        expect(api.post("/api/v1/auth/setup", &setup), 200);
        expect(login("invited@identity.example", PASSWORD), 200);
    }
}
