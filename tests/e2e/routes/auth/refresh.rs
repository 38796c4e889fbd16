//! `POST /api/v1/auth/refresh`

use std::sync::Barrier;

use e2e::{Answer, Call, TestTenant, World};
use http::Method;
use serde_json::{Value, json};

fn refresh(token: &str) -> Answer {
    World::get().post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).send()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn profile(tenant: &TestTenant, access_token: &str) -> Answer {
    tenant.get("/api/v1/profile").token(access_token).send()
}

// S9
#[test]
fn refresh_returns_new_tokens() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let mut token = user.refresh_token.clone();
    for _ in 0..3 {
        let answer = refresh(&token);
        let next = answer.expect(200);
        // S32
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(next["token_type"], "bearer");
        assert_eq!(next["expires_in"], 1_800);
        assert_eq!(next["user"]["id"], user.id);
        assert_ne!(next["refresh_token"], token);
        profile(&tenant, next["access_token"].as_str().unwrap()).expect(200);
        token = text(&next["refresh_token"]);
    }
    // The database stores only a hash.
    let mut database = world.services.superuser(&tenant.database());
    let rows = database.query("SELECT sessions::text FROM sessions", &[]).unwrap();
    let secret = token.strip_prefix("ldr_").unwrap();
    assert!(rows.iter().all(|row| !row.get::<_, String>(0).contains(secret)));
}

// S9
#[test]
fn reused_token_ends_session() {
    let tenant = World::get().tenant();
    let (user, other) = (tenant.user("user"), tenant.user("user"));
    let second = refresh(&user.refresh_token).expect(200);
    let third = refresh(second["refresh_token"].as_str().unwrap()).expect(200);
    let access_token = text(&third["access_token"]);
    profile(&tenant, &access_token).expect(200);
    // A thief reuses the first token, two generations later.
    refresh(&user.refresh_token).expect_problem(401, "invalid_refresh_token");
    refresh(third["refresh_token"].as_str().unwrap()).expect_problem(401, "invalid_refresh_token");
    profile(&tenant, &access_token).expect_problem(401, "token_revoked");
    // Other users are not affected, and the user can sign in again.
    refresh(&other.refresh_token).expect(200);
    tenant.login(&user.email, &user.password).expect(200);
    let events = tenant.wait_until_audited("auth.refresh_token_reused", 1);
    assert_eq!(events[0]["severity"], "critical");
}

// S9
#[test]
fn concurrent_refreshes_succeed_once() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let barrier = Barrier::new(16);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let uses: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    refresh(&user.refresh_token).status
                })
            })
            .collect();
        uses.into_iter().map(|used| used.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 15, "{statuses:?}");
}

// S9
#[test]
fn concurrent_refreshes_share_token_within_grace() {
    let world = World::get();
    let patient = world.application_with(&[("REFRESH_GRACE_SECONDS", "2")]);
    let tenant = world.tenant();
    let user = tenant.user("user");
    let refresh = |token: &str| {
        Call::new(Method::POST, &patient.address, "/api/v1/auth/refresh")
            .json(&json!({ "refresh_token": token }))
            .send()
    };
    let successors: Vec<_> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..2).map(|_| scope.spawn(|| refresh(&user.refresh_token))).collect();
        tabs.into_iter()
            .map(|tab| tab.join().unwrap().expect(200)["refresh_token"].clone())
            .collect()
    });
    assert_eq!(successors[0], successors[1]);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    refresh(&user.refresh_token).expect_problem(401, "invalid_refresh_token");
    refresh(successors[0].as_str().unwrap()).expect_problem(401, "invalid_refresh_token");
}

// S9
#[test]
fn grace_covers_all_recent_generations() {
    let world = World::get();
    let patient = world.application_with(&[("REFRESH_GRACE_SECONDS", "4")]);
    let tenant = world.tenant();
    let user = tenant.user("user");
    let refresh = |token: &str| {
        Call::new(Method::POST, &patient.address, "/api/v1/auth/refresh")
            .json(&json!({ "refresh_token": token }))
            .send()
    };
    let mut generations = vec![user.refresh_token.clone()];
    for _ in 0..4 {
        let next = refresh(generations.last().unwrap()).expect(200);
        generations.push(text(&next["refresh_token"]));
    }
    // Each of them returns the newest token, and the session continues.
    let newest = generations.pop().unwrap();
    for earlier in &generations {
        let again = refresh(earlier).expect(200);
        assert_eq!(again["refresh_token"], newest);
        profile(&tenant, again["access_token"].as_str().unwrap()).expect(200);
    }
    std::thread::sleep(std::time::Duration::from_secs(2));
    let last = text(&refresh(&newest).expect(200)["refresh_token"]);
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    // Only the newest token is still within its grace period.
    assert_eq!(refresh(&newest).expect(200)["refresh_token"], last);
    refresh(&generations[3]).expect_problem(401, "invalid_refresh_token");
    for ended in [&newest, &last] {
        refresh(ended).expect_problem(401, "invalid_refresh_token");
    }
    tenant.wait_until_audited("auth.refresh_token_reused", 1);
}

// S4
#[test]
fn invalid_refresh_token_returns_401() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let mut changed = user.refresh_token.clone().into_bytes();
    let last = changed.len() - 1;
    changed[last] = if changed[last] == b'A' { b'Q' } else { b'A' };
    for wrong in [
        String::new(),
        "nonsense".to_owned(),
        "ldr_AAAA".to_owned(),
        user.access_token.clone(),
        tenant.created["setup_token"].as_str().unwrap().to_owned(),
        tenant.created["api_key"].as_str().unwrap().to_owned(),
        String::from_utf8(changed).unwrap(),
    ] {
        refresh(&wrong).expect_problem(401, "invalid_refresh_token");
    }
    // An invented token does not end a session.
    refresh(&user.refresh_token).expect(200);
    let missing = World::get().post("/api/v1/auth/refresh", &json!({})).send();
    assert_eq!(missing.expect_invalid(), ["refresh_token"]);
}

// S10, S17
#[test]
fn refresh_requires_tenant_and_active_user() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let user = tenant.user("user");
    let body = json!({ "refresh_token": user.refresh_token });
    other.post("/api/v1/auth/refresh", &body).send().expect_problem(403, "tenant_mismatch");
    let role = json!({ "role": "viewer" });
    let path = format!("/api/v1/users/{}", user.id);
    tenant.patch(&path, &role).token(&tenant.admin.access_token).send().expect(200);
    let next = tenant.post("/api/v1/auth/refresh", &body).send().expect(200);
    assert_eq!(next["user"]["role"], "viewer");
    let off = json!({ "is_active": false });
    tenant.patch(&path, &off).token(&tenant.admin.access_token).send().expect(200);
    refresh(next["refresh_token"].as_str().unwrap()).expect_problem(401, "invalid_refresh_token");
}
