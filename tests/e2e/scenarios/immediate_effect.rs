//! Changes by an administrator take effect on the next request. Sixteen connections keep several instances of two
//! applications busy meanwhile.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Application, Call, Connections, TestTenant, TestUser, World};
use http::Method;
use serde_json::json;

const CONNECTIONS: usize = 16;

/// Keeps 16 clients busy with a credential while `change` runs. Each of two applications serves half of the clients.
/// Requests that start after the response to the change must be rejected.
fn busy_while(
    other: &Application,
    path: &str,
    credential: &str,
    refused: (u16, &str),
    change: impl FnOnce(),
) {
    let world = World::get();
    let (served, changed, stop) =
        (AtomicU64::new(0), AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in 0..CONNECTIONS {
            let address = if client % 2 == 0 { world.address() } else { &other.address };
            let (served, changed, stop) = (&served, &changed, &stop);
            scope.spawn(move || {
                let connection = Connections::default();
                while !stop.load(Ordering::SeqCst) {
                    let after_change = changed.load(Ordering::SeqCst);
                    let answer = Call::new(Method::GET, address, path);
                    let answer = answer.token(credential).over(&connection).send();
                    if after_change {
                        answer.expect_problem(refused.0, refused.1);
                    } else {
                        // During the change, requests may still succeed.
                        let request = answer.header("x-request-id");
                        let is_expected = [200, refused.0].contains(&answer.status);
                        assert!(is_expected, "{}\n{}", answer.text, world.logged(request));
                    }
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let wait_for = |more: u64| {
            let (begin, until) = (Instant::now(), served.load(Ordering::SeqCst) + more);
            while served.load(Ordering::SeqCst) < until {
                assert!(begin.elapsed().as_secs() < 30, "requests complete");
                sleep(Duration::from_millis(5));
            }
        };
        // Enough requests for each instance to cache its snapshots.
        wait_for(200);
        let change = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        changed.store(true, Ordering::SeqCst);
        wait_for(200);
        stop.store(true, Ordering::SeqCst);
        change.unwrap();
    });
}

fn as_admin(tenant: &TestTenant, method: Method, path: &str) -> Call {
    World::get().call(method, path).token(&tenant.admin.access_token)
}

fn users_path(user: &TestUser) -> String {
    format!("/api/v1/users/{}", user.id)
}

// S10, S16
#[test]
fn changes_take_effect_on_busy_connections() {
    let world = World::get();
    let tenant = world.tenant();
    let other = world.application_with(&[]);
    let info = "/api/v1/tenant/info";
    let revoked = (401, "token_revoked");

    let user = tenant.user("user");
    busy_while(&other, info, &user.access_token, revoked, || {
        let off = json!({ "is_active": false });
        as_admin(&tenant, Method::PATCH, &users_path(&user)).json(&off).send().expect(200);
    });
    let user = tenant.user("admin");
    busy_while(&other, "/api/v1/users", &user.access_token, revoked, || {
        let role = json!({ "role": "viewer" });
        as_admin(&tenant, Method::PATCH, &users_path(&user)).json(&role).send().expect(200);
    });
    let user = tenant.user("user");
    busy_while(&other, info, &user.access_token, revoked, || {
        let gone = as_admin(&tenant, Method::DELETE, &users_path(&user)).send();
        assert_eq!(gone.status, 204);
    });
    let user = tenant.user("user");
    busy_while(&other, info, &user.access_token, revoked, || {
        let out = tenant.post("/api/v1/auth/logout", &json!({})).token(&user.access_token).send();
        assert_eq!(out.status, 204);
    });
    let user = tenant.user("user");
    let phone = TestUser::from(&tenant.login(&user.email, &user.password).expect(200));
    busy_while(&other, info, &user.access_token, revoked, || {
        let all = tenant.post("/api/v1/auth/logout-all", &json!({})).token(&phone.access_token);
        assert_eq!(all.send().status, 204);
    });
    let user = tenant.user("user");
    busy_while(&other, info, &user.access_token, revoked, || {
        let path = format!("{}/reset-password", users_path(&user));
        as_admin(&tenant, Method::POST, &path).send().expect(200);
    });
    let key = tenant.create_api_key(&json!({ "name": "busy", "scopes": ["tenant:read"] }));
    let text = key["api_key"].as_str().unwrap();
    busy_while(&other, info, text, (401, "invalid_api_key"), || {
        let path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
        assert_eq!(as_admin(&tenant, Method::DELETE, &path).send().status, 204);
    });
    let path = format!("/admin/tenants/{}", tenant.id);
    busy_while(&other, info, &tenant.admin.access_token, (403, "tenant_suspended"), || {
        let suspend = json!({ "status": "suspended" });
        world.admin(Method::PATCH, &path).json(&suspend).send().expect(200);
    });
    let active = json!({ "status": "active" });
    world.admin(Method::PATCH, &path).json(&active).send().expect(200);
    as_admin(&tenant, Method::GET, info).send().expect(200);
}
