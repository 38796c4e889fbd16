//! Revocations stay in effect when Redis restarts from an older snapshot.

use e2e::{Restart, TestTenant, World};
use http::Method;
use serde_json::json;

use crate::support::{Arena, wait_until};

/// A credential that was valid, and the status of its rejection after the acknowledged change.
struct Revoked {
    kind: &'static str,
    credential: String,
    status: u16,
}

fn revoked(kind: &'static str, credential: &str, status: u16) -> Revoked {
    Revoked { kind, credential: credential.to_owned(), status }
}

/// Creates an API key. Returns its id and the key.
fn key(tenant: &TestTenant) -> (String, String) {
    let created = tenant.create_api_key(&json!({ "name": "k", "scopes": ["tenant:read"] }));
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (text("id"), text("api_key"))
}

/// Makes one change of each kind after `before_changes`, and returns the credentials that became invalid.
fn change_everything(arena: &Arena, before_changes: impl FnOnce()) -> Vec<Revoked> {
    let world = arena.world;
    let tenant = world.tenant();
    let admin = &tenant.admin.access_token;
    let (revoked_id, revoked_key) = key(&tenant);
    let (rotated_id, rotated_key) = key(&tenant);
    let [logged_out, everywhere, deactivated, demoted, reset, removed, changed] =
        std::array::from_fn(|_| tenant.user("user"));
    let [suspended, deleted, destroyed] = std::array::from_fn(|_| world.tenant());
    let destroyed_key = destroyed.api_key(&["tenant:read"]);
    let users = [&logged_out, &everywhere, &deactivated, &demoted, &reset, &removed, &changed];
    let tenants = [&suspended, &deleted, &destroyed];
    let credentials = users
        .into_iter()
        .chain(tenants.map(|tenant| &tenant.admin))
        .map(|user| &user.access_token)
        .chain([&revoked_key, &rotated_key, &destroyed_key]);
    for credential in credentials {
        arena.accepts(credential);
    }
    before_changes();

    let gone = |answer: e2e::Answer| assert_eq!(answer.status, 204, "{}", answer.text);
    gone(tenant.delete(&format!("/api/v1/api-keys/{revoked_id}")).token(admin).send());
    let rotate = format!("/api/v1/api-keys/{rotated_id}/rotate");
    tenant.post(&rotate, &json!({})).token(admin).send().expect(200);
    let sign_out = |path: &str, user: &e2e::TestUser| {
        gone(tenant.post(path, &json!({})).token(&user.access_token).send());
    };
    sign_out("/api/v1/auth/logout", &logged_out);
    sign_out("/api/v1/auth/logout-all", &everywhere);
    let change = |user: &e2e::TestUser, body| {
        let path = format!("/api/v1/users/{}", user.id);
        tenant.patch(&path, &body).token(admin).send().expect(200);
    };
    change(&deactivated, json!({ "is_active": false }));
    change(&demoted, json!({ "role": "viewer" }));
    let reset_path = format!("/api/v1/users/{}/reset-password", reset.id);
    tenant.post(&reset_path, &json!({})).token(admin).send().expect(200);
    gone(tenant.delete(&format!("/api/v1/users/{}", removed.id)).token(admin).send());
    let passwords =
        json!({ "current_password": changed.password, "new_password": "another long password" });
    let own = tenant.post("/api/v1/profile/password", &passwords).token(&changed.access_token);
    own.send().expect(200);
    let path = |tenant: &TestTenant| format!("/admin/tenants/{}", tenant.id);
    let suspend = world.admin(Method::PATCH, &path(&suspended));
    suspend.json(&json!({ "status": "suspended" })).send().expect(200);
    gone(world.admin(Method::DELETE, &path(&deleted)).send());
    let hard = format!("{}?hard_delete=true", path(&destroyed));
    gone(world.admin(Method::DELETE, &hard).send());

    vec![
        revoked("API key revoked", &revoked_key, 401),
        revoked("API key rotated", &rotated_key, 401),
        revoked("signed out", &logged_out.access_token, 401),
        revoked("signed out everywhere", &everywhere.access_token, 401),
        revoked("deactivated", &deactivated.access_token, 401),
        revoked("role changed", &demoted.access_token, 401),
        revoked("password reset", &reset.access_token, 401),
        revoked("user deleted", &removed.access_token, 401),
        revoked("password changed", &changed.access_token, 401),
        revoked("tenant suspended", &suspended.admin.access_token, 403),
        revoked("tenant deleted", &deleted.admin.access_token, 403),
        revoked("tenant destroyed", &destroyed.admin.access_token, 401),
        revoked("key of a destroyed tenant", &destroyed_key, 401),
    ]
}

// S10, S16
#[test]
fn revocations_survive_redis_restart() {
    let arena = Arena::enter();
    for restart in [Restart::Newest, Restart::Empty] {
        let revoked = change_everything(&arena, || World::get().services.save_redis());
        arena.restart_redis(restart);
        for Revoked { kind, credential, status } in revoked {
            arena.rejects(kind, &credential, status);
        }
    }
}

// S10, S16
#[test]
fn revocations_survive_outage_of_both_stores() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let revoked = change_everything(&arena, || services.save_redis());
    services.kill_redis();
    let stopped = services.pause_postgres();
    services.start_redis(Restart::Newest);
    let answers: Vec<_> = revoked
        .iter()
        .take(4)
        .flat_map(|revoked| arena.info(&revoked.credential).map(|answer| (revoked.kind, answer)))
        .collect();
    services.resume_postgres(&stopped);
    for (kind, answer) in answers {
        assert_eq!(answer.status, 503, "{kind}: {}", answer.text);
    }
    // After a hanging server, an instance waits for a second before it connects again.
    wait_until("PostgreSQL responds", || {
        arena.info(&revoked[0].credential).iter().all(|answer| answer.status != 503)
    });
    for Revoked { kind, credential, status } in revoked {
        arena.rejects(kind, &credential, status);
    }
}

#[test]
fn lowered_plan_limit_survives_redis_restart() {
    let arena = Arena::enter();
    let world = arena.world;
    let name = e2e::unique("plan");
    let limits = json!({ "users": 3, "storage": 1000, "api_calls": 1000, "ai_requests": 5,
                         "requests_per_minute": 1000 });
    let plan = json!({ "name": name, "limits": limits });
    world.admin_post("/admin/plans", &plan).send().expect(201);
    let tenant = world.tenant();
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&json!({ "plan": name })).send().expect(200);
    arena.accepts(&tenant.admin.access_token);
    world.services.save_redis();
    let lower = json!({ "limits": { "requests_per_minute": 3 } });
    world.admin(Method::PATCH, &format!("/admin/plans/{name}")).json(&lower).send().expect(200);
    arena.restart_redis(Restart::Newest);
    for answer in arena.info(&tenant.admin.access_token) {
        let policy = answer.header("ratelimit-policy");
        assert!(policy.contains("\"minute\";q=3;w=60"), "{} {policy}", answer.status);
    }
}
