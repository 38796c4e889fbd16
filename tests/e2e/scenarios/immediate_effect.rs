//! Changes take effect on the next request. Sixteen connections keep several instances of two applications busy
//! meanwhile, which hold leases.

use e2e::{Application, Busy, Call, TestTenant, TestUser, World, unique};
use http::Method;
use serde_json::{Value, json};

const INFO: &str = "/api/v1/tenant/info";
const REVOKED: (u16, &str) = (401, "token_revoked");
const INVALID_KEY: (u16, &str) = (401, "invalid_api_key");

/// A tenant that two applications serve.
struct Served {
    tenant: TestTenant,
    other: Application,
}

impl Served {
    fn new() -> Self {
        let world = World::get();
        let tenant = world.tenant();
        tenant.allow_many_calls();
        Self { tenant, other: world.application_with(&[]) }
    }

    /// Keeps 16 clients busy with a credential while `change` runs. Requests that start after the response to the change
    /// must be rejected. Asserts that the instances held leases.
    #[track_caller]
    fn busy_while(
        &self,
        path: &str,
        credential: &str,
        refused: (u16, &str),
        change: impl FnOnce(),
    ) {
        let redis = World::get().redis_client();
        let granted = || redis.leases(&self.tenant.id).granted();
        let before = granted();
        let hosts = [World::get().address(), &self.other.address];
        Busy { hosts, path, credential, refused, may_fail: false }.during(|| {
            assert!(granted() > before, "the tenant has leases");
            change();
        });
    }

    fn as_admin(&self, method: Method, path: &str) -> Call {
        World::get().call(method, path).token(&self.tenant.admin.access_token)
    }

    fn key(&self) -> Value {
        self.tenant.create_api_key(&json!({ "name": "busy", "scopes": ["tenant:read"] }))
    }

    fn tenant_path(&self) -> String {
        format!("/admin/tenants/{}", self.tenant.id)
    }
}

fn users_path(user: &TestUser) -> String {
    format!("/api/v1/users/{}", user.id)
}

fn key_path(key: &Value) -> String {
    format!("/api/v1/api-keys/{}", text(&key["id"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

// S10, S16
#[test]
fn user_changes_take_effect_on_busy_connections() {
    let served = Served::new();
    let tenant = &served.tenant;
    let user = tenant.user("user");
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let off = json!({ "is_active": false });
        served.as_admin(Method::PATCH, &users_path(&user)).json(&off).send().expect(200);
    });
    let user = tenant.user("admin");
    served.busy_while("/api/v1/users", &user.access_token, REVOKED, || {
        let role = json!({ "role": "viewer" });
        served.as_admin(Method::PATCH, &users_path(&user)).json(&role).send().expect(200);
    });
    let user = tenant.user("user");
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let gone = served.as_admin(Method::DELETE, &users_path(&user)).send();
        assert_eq!(gone.status, 204);
    });
    let user = tenant.user("user");
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let path = format!("{}/reset-password", users_path(&user));
        served.as_admin(Method::POST, &path).send().expect(200);
    });
}

// S10, S16
#[test]
fn own_session_changes_take_effect_on_busy_connections() {
    let served = Served::new();
    let tenant = &served.tenant;
    let user = tenant.user("user");
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let out = tenant.post("/api/v1/auth/logout", &json!({})).token(&user.access_token).send();
        assert_eq!(out.status, 204);
    });
    let user = tenant.user("user");
    let phone = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let all = tenant.post("/api/v1/auth/logout-all", &json!({})).token(&phone.access_token);
        assert_eq!(all.send().status, 204);
    });
    let user = tenant.user("user");
    let phone = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    served.busy_while(INFO, &user.access_token, REVOKED, || {
        let new = "another long password";
        let passwords = json!({ "current_password": user.password, "new_password": new });
        let own = tenant.post("/api/v1/profile/password", &passwords).token(&phone.access_token);
        own.send().expect(200);
    });
}

// S10, S16
#[test]
fn api_key_changes_take_effect_on_busy_connections() {
    let served = Served::new();
    let key = served.key();
    served.busy_while(INFO, text(&key["api_key"]), INVALID_KEY, || {
        assert_eq!(served.as_admin(Method::DELETE, &key_path(&key)).send().status, 204);
    });
    let key = served.key();
    served.busy_while(INFO, text(&key["api_key"]), INVALID_KEY, || {
        let path = format!("{}/rotate", key_path(&key));
        served.as_admin(Method::POST, &path).send().expect(200);
    });
    // More calls than the new limit have been counted.
    let key = served.key();
    served.busy_while(INFO, text(&key["api_key"]), (429, "rate_limited"), || {
        let limit = json!({ "max_requests_per_minute": 1 });
        served.as_admin(Method::PATCH, &key_path(&key)).json(&limit).send().expect(200);
    });
}

// S10, S16
#[test]
fn tenant_changes_take_effect_on_busy_connections() {
    let world = World::get();
    let served = Served::new();
    let token = served.tenant.admin.access_token.clone();
    let change = |served: &Served, body: &Value| {
        world.admin(Method::PATCH, &served.tenant_path()).json(body).send().expect(200);
    };
    served.busy_while(INFO, &token, (403, "tenant_suspended"), || {
        change(&served, &json!({ "status": "suspended" }));
    });
    change(&served, &json!({ "status": "active" }));
    served.as_admin(Method::GET, INFO).send().expect(200);

    let name = unique("plan");
    let limits = json!({ "users": 9, "storage": 1_000, "api_calls": 50_000, "ai_requests": 5,
                         "requests_per_minute": 1, "cache": 1_000_000 });
    let plan = json!({ "name": name, "limits": limits });
    world.admin_post("/admin/plans", &plan).send().expect(201);
    let moved = Served { tenant: world.tenant(), ..served };
    moved.busy_while(INFO, &moved.tenant.admin.access_token, (429, "rate_limited"), || {
        change(&moved, &json!({ "plan": name }));
    });

    let deleted = Served { tenant: world.tenant(), ..moved };
    let token = &deleted.tenant.admin.access_token;
    deleted.busy_while(INFO, token, (403, "tenant_deleted"), || {
        assert_eq!(world.admin(Method::DELETE, &deleted.tenant_path()).send().status, 204);
    });
}
