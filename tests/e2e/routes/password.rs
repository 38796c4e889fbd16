//! `POST /api/v1/profile/password`, and the password rules

use e2e::{Answer, TestTenant, TestUser, World};
use serde_json::json;

fn change(tenant: &TestTenant, user: &TestUser, current: &str, new: &str) -> Answer {
    let body = json!({ "current_password": current, "new_password": new });
    tenant.post("/api/v1/profile/password", &body).token(&user.access_token).send()
}

// S10
#[test]
fn password_change_ends_other_sessions() {
    let world = World::get();
    let tenant = world.tenant();
    let laptop = tenant.user("viewer");
    let phone = TestUser::from(&tenant.login(&laptop.email, &laptop.password).expect(200));
    let again = TestUser::from(
        &change(&tenant, &laptop, &laptop.password, "another password of mine").expect(200),
    );
    for ended in [&laptop, &phone] {
        let profile = tenant.get("/api/v1/profile").token(&ended.access_token).send();
        profile.expect_problem(401, "token_revoked");
        let body = json!({ "refresh_token": ended.refresh_token });
        let refresh = world.post("/api/v1/auth/refresh", &body).send();
        refresh.expect_problem(401, "invalid_refresh_token");
    }
    tenant.get("/api/v1/profile").token(&again.access_token).send().expect(200);
    tenant.login(&laptop.email, &laptop.password).expect_problem(401, "invalid_credentials");
    tenant.login(&laptop.email, "another password of mine").expect(200);
    tenant.wait_until_audited("password.changed", 1);
}

// S14
#[test]
fn password_guessing_with_token_is_throttled() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let mut wrong = 0;
    let refused = loop {
        let answer = change(&tenant, &user, "not my password", "another password of mine");
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.expect_invalid(), ["current_password"]);
        wrong += 1;
        assert!(wrong < 10, "guessing is throttled");
    };
    refused.expect_problem(429, "too_many_attempts");
    assert_eq!(wrong, 5);
}

// S12
#[test]
fn common_and_short_passwords_are_rejected() {
    let world = World::get();
    let tenant = world.tenant();
    let create = |password: &str| {
        let email = format!("{}@acme.com", e2e::unique("new"));
        let body = json!({ "email": email, "password": password });
        let call = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token);
        (email, call.send())
    };
    for common in ["password", "PassWord1", "12345678", "qwertyuiop", "iloveyou", "1234567"] {
        assert_eq!(create(common).1.expect_invalid(), ["password"], "{common}");
    }
    let setup = json!({ "setup_token": tenant.created["setup_token"], "password": "password1" });
    assert_eq!(world.post("/api/v1/auth/setup", &setup).send().expect_invalid(), ["password"]);
    let admin = json!({ "name": "A", "admin_email": "a@b.example", "admin_password": "password" });
    let admin = world.admin_post("/admin/tenants", &admin).send();
    assert_eq!(admin.expect_invalid(), ["admin_password"]);
    for good in ["aaaaaaaaz", "пароль-из-слов", &"long ".repeat(20), "        spaced"] {
        let (email, created) = create(good);
        created.expect(201);
        tenant.login(&email, good).expect(200);
        let mut shorter = good.to_owned();
        shorter.pop();
        tenant.login(&email, &shorter).expect_problem(401, "invalid_credentials");
    }
    let (email, created) = create("caf\u{e9} \u{fb01}sh");
    created.expect(201);
    tenant.login(&email, "cafe\u{301} fish").expect(200);
}
