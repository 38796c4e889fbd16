//! Changes that cannot reach Redis. They are recorded, acknowledged with 202, and published later.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use e2e::{Answer, Call, Restart, TestTenant, TestUser};
use http::Method;
use platform::{Clock as _, native::NativeClock};
use serde_json::{Value, json};

use crate::support::{Arena, wait_until};

fn waiting(arena: &Arena) -> i64 {
    let statement = "SELECT count(*) FROM pending_publications";
    arena.world.services.superuser("tenancy").query_one(statement, &[]).unwrap().get(0)
}

/// Asserts that a change was accepted and that the response contains the time of its effect. Returns the body.
#[track_caller]
fn expect_accepted(answer: &Answer) -> Value {
    let body = answer.expect(202);
    let by: DateTime<Utc> = answer.header("takes-effect-by").parse().expect("it is a time");
    let seconds = (by - NativeClock.now()).num_seconds();
    assert!((0..=600).contains(&seconds), "{seconds}");
    body
}

fn new_key(tenant: &TestTenant) -> (String, String) {
    let created = tenant.create_api_key(&json!({ "name": "k", "scopes": ["tenant:read"] }));
    let text = |name: &str| created[name].as_str().unwrap().to_owned();
    (format!("/api/v1/api-keys/{}", text("id")), text("api_key"))
}

#[test]
fn changes_return_202_until_redis_recovers() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let tenant = arena.world.tenant();
    let suspended = arena.world.tenant();
    let admin = &tenant.admin.access_token;
    let (path, key) = new_key(&tenant);
    let (user, signed_out) = (tenant.user("user"), tenant.user("user"));
    for credential in
        [&key, &user.access_token, &signed_out.access_token, &suspended.admin.access_token]
    {
        arena.accepts(credential);
    }
    services.pause_redis();
    let revoked = tenant.delete(&path).token(admin).send();
    let body = expect_accepted(&revoked);
    assert_eq!(body["takes_effect_by"], revoked.header("takes-effect-by"));
    let change = json!({ "is_active": false });
    let deactivated = tenant.patch(&format!("/api/v1/users/{}", user.id), &change).token(admin);
    assert_eq!(expect_accepted(&deactivated.send())["is_active"], false);
    let logout = tenant.post("/api/v1/auth/logout", &json!({})).token(&signed_out.access_token);
    expect_accepted(&logout.send());
    let path = format!("/admin/tenants/{}", suspended.id);
    let suspend = arena.world.admin(Method::PATCH, &path).json(&json!({ "status": "suspended" }));
    assert_eq!(expect_accepted(&suspend.send())["status"], "suspended");
    // Without Redis the change is already in effect.
    arena.rejects("while Redis is unavailable", &key, 401);
    assert_eq!(waiting(&arena), 4);
    services.resume_redis();
    wait_until("the queue is empty", || {
        arena.info(admin);
        waiting(&arena) == 0
    });
    arena.rejects("key", &key, 401);
    arena.rejects("user", &user.access_token, 401);
    arena.rejects("session", &signed_out.access_token, 401);
    arena.rejects("tenant", &suspended.admin.access_token, 403);
}

#[test]
fn repair_publishes_pending_changes() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let tenant = arena.world.tenant();
    let (path, key) = new_key(&tenant);
    arena.accepts(&key);
    services.pause_redis();
    expect_accepted(&tenant.delete(&path).token(&tenant.admin.access_token).send());
    let doctor = arena.world.tenantctl(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("changes that have not reached Redis"), "{said}");
    services.resume_redis();
    let repair = arena.world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    let said = String::from_utf8_lossy(&repair.stdout).into_owned();
    assert!(said.contains(r#"{"published_changes":"#), "{said}");
    assert_eq!(waiting(&arena), 0);
    arena.rejects("key", &key, 401);
}

#[test]
fn oauth_revocation_returns_503_until_effective() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let tenant = arena.world.tenant();
    let user = tenant.user("user");
    let service = tenant.api_key(&["tokens:revoke"]);
    arena.accepts(&user.access_token);
    let revoke = || {
        let form = format!("token={}", user.access_token);
        Call::new(Method::POST, arena.world.address(), "/api/v1/auth/revoke")
            .token(&service)
            .body("application/x-www-form-urlencoded", form)
            .send()
    };
    services.pause_redis();
    let early = revoke();
    services.resume_redis();
    assert_eq!((early.status, early.header("retry-after")), (503, "1"), "{}", early.text);
    assert_eq!(revoke().status, 200);
    arena.rejects("session", &user.access_token, 401);
}

/// Redis becomes available before the instance ends its pause after a failed connection.
#[test]
fn revocation_during_reconnect_pause_is_published() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let (path, key) = new_key(&tenant);
    let admin = &tenant.admin.access_token;
    arena.accepts(&key);
    arena.world.services.save_redis();
    for _ in 0..3 {
        arena.world.services.kill_redis();
        // The instances that manage keys notice that Redis is unavailable.
        tenant.get("/api/v1/api-keys").token(admin).send().expect(200);
        arena.world.services.start_redis(Restart::Newest);
        arena.accepts(&key);
    }
    arena.world.services.kill_redis();
    tenant.get("/api/v1/api-keys").token(admin).send().expect(200);
    arena.world.services.start_redis(Restart::Newest);
    let begin = Instant::now();
    arena.accepts(&key);
    let revoked = tenant.delete(&path).token(admin).send();
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    arena.rejects("key", &key, 401);
}

#[test]
fn repeated_revocation_publishes_again() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let tenant = arena.world.tenant();
    let (path, key) = new_key(&tenant);
    let admin = &tenant.admin.access_token;
    arena.accepts(&key);
    services.pause_redis();
    expect_accepted(&tenant.delete(&path).token(admin).send());
    // Simulates an outage of the catalog.
    let forget = "DELETE FROM pending_publications";
    services.superuser("tenancy").execute(forget, &[]).unwrap();
    services.resume_redis();
    let again = tenant.delete(&path).token(admin).send();
    again.expect_problem(404, "api_key_not_found");
    arena.rejects("key", &key, 401);
}

/// Ends a session, changes a user, deletes one, and revokes and rotates API keys, as a process does that dies before it
/// publishes the changes. Returns the credentials that have ended.
fn end_without_publication(arena: &Arena, tenant: &TestTenant) -> Vec<(&'static str, String)> {
    let [signed_out, changed, deleted]: [TestUser; 3] =
        std::array::from_fn(|_| tenant.user("user"));
    let [(revoked, revoked_key), (rotated, rotated_key)] = [new_key(tenant), new_key(tenant)];
    let ended = vec![
        ("session", signed_out.access_token.clone()),
        ("changed user", changed.access_token.clone()),
        ("deleted user", deleted.access_token.clone()),
        ("revoked key", revoked_key),
        ("rotated key", rotated_key),
    ];
    for (_, credential) in &ended {
        arena.accepts(credential);
    }
    let uuid = |text: &str| {
        let text = text.rsplit('/').next().unwrap();
        text.parse::<uuid::Uuid>().expect("it is an id")
    };
    let services = &arena.world.services;
    let mut database = services.superuser(&tenant.database());
    let mut catalog = services.superuser("tenancy");
    let session = "UPDATE sessions SET revoked_at = now(), revoked_reason = 'logout'
                   WHERE user_id = $1";
    let change = "UPDATE users SET version = version + 1 WHERE id = $1";
    let delete = "DELETE FROM users WHERE id = $1";
    for (statement, id) in [(session, &signed_out.id), (change, &changed.id), (delete, &deleted.id)]
    {
        assert!(database.execute(statement, &[&uuid(id)]).unwrap() > 0, "{statement}");
    }
    let revoke = "UPDATE tenant_api_keys SET revoked_at = now() WHERE id = $1";
    let rotate = "UPDATE tenant_api_keys SET version = version + 1, previous_key_hash = key_hash,
                  key_hash = sha256(key_hash), previous_expires_at = now() WHERE id = $1";
    for (statement, id) in [(revoke, &revoked), (rotate, &rotated)] {
        assert_eq!(catalog.execute(statement, &[&uuid(id)]).unwrap(), 1, "{statement}");
    }
    // Without these calls, the tests below would prove nothing.
    for (_, credential) in &ended {
        arena.accepts(credential);
    }
    // The leases of these calls end.
    sleep(Duration::from_millis(300));
    ended
}

#[test]
fn repair_ends_credentials_whose_end_was_not_published() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let ended = end_without_publication(&arena, &tenant);
    let repair = arena.world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(repair.status.success(), "{}", String::from_utf8_lossy(&repair.stderr));
    for (what, credential) in &ended {
        arena.rejects(what, credential, 401);
    }
    arena.accepts(&tenant.admin.access_token);
}

/// The owner of a credential that was ended without a response repeats the call, and 401 tells that it has ended.
#[test]
fn credential_that_was_rejected_without_redis_stays_rejected() {
    let arena = Arena::enter();
    let services = &arena.world.services;
    let tenant = arena.world.tenant();
    // An earlier test may have left publications.
    wait_until("the queue is empty", || {
        arena.info(&tenant.admin.access_token);
        waiting(&arena) == 0
    });
    let ended = end_without_publication(&arena, &tenant);
    // Nothing shows that this key ever existed, so it must not fill the queue.
    let (path, unknown) = new_key(&tenant);
    let id: uuid::Uuid = path.rsplit('/').next().unwrap().parse().unwrap();
    let forget = "DELETE FROM tenant_api_keys WHERE id = $1";
    assert_eq!(services.superuser("tenancy").execute(forget, &[&id]).unwrap(), 1);
    services.pause_redis();
    for (what, credential) in &ended {
        arena.rejects(what, credential, 401);
    }
    arena.rejects("unknown key", &unknown, 401);
    // One for each credential, and the version of the user whose session has ended.
    assert_eq!(waiting(&arena), 6);
    services.resume_redis();
    wait_until("the queue is empty", || {
        arena.info(&tenant.admin.access_token);
        waiting(&arena) == 0
    });
    for (what, credential) in &ended {
        arena.rejects(what, credential, 401);
    }
}
