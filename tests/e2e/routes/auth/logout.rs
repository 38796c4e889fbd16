//! `POST /api/v1/auth/logout` and `/logout-all`

use e2e::{Answer, TestTenant, TestUser, World};
use serde_json::json;

const LOGOUT: &str = "/api/v1/auth/logout";

fn sign_in_again(tenant: &TestTenant, user: &TestUser) -> TestUser {
    TestUser::from(&tenant.login(&user.email, &user.password).expect(200))
}

fn profile(tenant: &TestTenant, user: &TestUser) -> Answer {
    tenant.get("/api/v1/profile").token(&user.access_token).send()
}

fn refresh(user: &TestUser) -> Answer {
    let body = json!({ "refresh_token": user.refresh_token });
    World::get().post("/api/v1/auth/refresh", &body).send()
}

// S10
#[test]
fn logout_ends_only_its_session() {
    let world = World::get();
    let tenant = world.tenant();
    let laptop = tenant.user("user");
    let phone = sign_in_again(&tenant, &laptop);
    profile(&tenant, &laptop).expect(200);
    let logout = world.call(http::Method::POST, LOGOUT).token(&laptop.access_token).send();
    assert_eq!((logout.status, logout.text.as_str()), (204, ""));
    profile(&tenant, &laptop).expect_problem(401, "token_revoked");
    refresh(&laptop).expect_problem(401, "invalid_refresh_token");
    profile(&tenant, &phone).expect(200);
    refresh(&phone).expect(200);
    let events = tenant.wait_until_audited("auth.logout", 1);
    assert_eq!(events[0]["actor_id"], laptop.id);
}

#[test]
fn logout_accepts_refresh_token() {
    let tenant = World::get().tenant();
    let (laptop, stranger) = (tenant.user("user"), tenant.user("user"));
    let phone = sign_in_again(&tenant, &laptop);
    let end = |token: &str| {
        let body = json!({ "refresh_token": token });
        tenant.post(LOGOUT, &body).token(&laptop.access_token).send()
    };
    end("nonsense").expect_problem(401, "invalid_refresh_token");
    // A refresh token of another user is rejected.
    end(&stranger.refresh_token).expect_problem(404, "session_not_found");
    profile(&tenant, &stranger).expect(200);
    assert_eq!(end(&phone.refresh_token).status, 204);
    profile(&tenant, &phone).expect_problem(401, "token_revoked");
    profile(&tenant, &laptop).expect(200);
}

// S10
#[test]
fn logout_all_ends_only_own_sessions() {
    let tenant = World::get().tenant();
    let (laptop, stranger) = (tenant.user("user"), tenant.user("user"));
    let phone = sign_in_again(&tenant, &laptop);
    let all = tenant.post("/api/v1/auth/logout-all", &json!({})).token(&phone.access_token);
    assert_eq!(all.send().status, 204);
    for ended in [&laptop, &phone] {
        profile(&tenant, ended).expect_problem(401, "token_revoked");
        refresh(ended).expect_problem(401, "invalid_refresh_token");
    }
    profile(&tenant, &stranger).expect(200);
    profile(&tenant, &sign_in_again(&tenant, &laptop)).expect(200);
    tenant.wait_until_audited("auth.logout_everywhere", 1);
}
