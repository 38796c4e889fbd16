//! `/api/v1/tenant/security-policy`: the rules for sessions, networks and passwords. The rules for second factors are in
//! `second_factors`.

use e2e::{Answer, Call, TestTenant, TestUser, World};
use http::Method;
use serde_json::{Value, json};

const POLICY: &str = "/api/v1/tenant/security-policy";

fn set(tenant: &TestTenant, rules: &Value) -> Answer {
    tenant.patch(POLICY, rules).token(&tenant.admin.access_token).send()
}

fn sign_in(tenant: &TestTenant, user: &TestUser) -> TestUser {
    TestUser::from(&tenant.login(&user.email, &user.password).expect(200))
}

fn refresh(tenant: &TestTenant, user: &TestUser) -> Answer {
    tenant.post("/api/v1/auth/refresh", &json!({ "refresh_token": user.refresh_token })).send()
}

/// Lets the sessions of a user be as many minutes older.
fn age(tenant: &TestTenant, user: &TestUser, column: &str, minutes: i32) {
    let statement = format!(
        "UPDATE tenancy.sessions SET {column} = {column} - make_interval(mins => $2) WHERE user_id = $1::text::uuid"
    );
    let mut superuser = World::get().services.superuser(&tenant.database());
    assert!(superuser.execute(&statement, &[&user.id, &minutes]).unwrap() > 0);
}

#[test]
fn rules_are_checked_and_cleared() {
    let tenant = World::get().tenant();
    for (field, value) in [
        ("session_idle_minutes", json!(4)),
        ("session_idle_minutes", json!(525_601)),
        ("session_lifetime_minutes", json!(0)),
        ("session_lifetime_minutes", json!("5")),
        ("max_sessions", json!(0)),
        ("max_sessions", json!(51)),
        ("max_sessions", json!(-1)),
        ("password_min_length", json!(7)),
        ("password_min_length", json!(129)),
        ("reject_breached_passwords", json!("yes")),
        // The operator has not set up the list.
        ("reject_breached_passwords", json!(true)),
        ("allowed_networks", json!([])),
        ("allowed_networks", json!(["10.0.0.0/33"])),
        ("allowed_networks", json!("127.0.0.0/8")),
        // It would lock out the administrator.
        ("allowed_networks", json!(["203.0.113.0/24"])),
    ] {
        let refused = set(&tenant, &json!({ field: value }));
        assert_eq!(refused.expect_invalid(), [field], "{value}");
    }
    // All of them are reported together.
    let wrong =
        json!({ "max_sessions": 99, "session_idle_minutes": 1, "second_factor_roles": ["owner"] });
    let expected = ["second_factor_roles", "session_idle_minutes", "max_sessions"];
    assert_eq!(set(&tenant, &wrong).expect_invalid(), expected);
    let rules = json!({ "session_idle_minutes": 60, "session_lifetime_minutes": 600, "max_sessions": 3,
                        "allowed_networks": ["127.0.0.0/8", "::1"], "password_min_length": 10 });
    let set_rules = set(&tenant, &rules).expect(200);
    for (name, value) in rules.as_object().unwrap() {
        let expected =
            if name == "allowed_networks" { &json!(["127.0.0.0/8", "::1/128"]) } else { value };
        assert_eq!(&set_rules[name], expected, "{name}");
    }
    let cleared =
        set(&tenant, &json!({ "max_sessions": null, "allowed_networks": null })).expect(200);
    assert_eq!(
        (&cleared["max_sessions"], &cleared["allowed_networks"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(cleared["session_idle_minutes"], 60);
    let unchecked = set(&tenant, &json!({ "reject_breached_passwords": false })).expect(200);
    assert_eq!(unchecked["reject_breached_passwords"], false);
    // The rules of one tenant do not apply to another one.
    let other = World::get().tenant();
    let shown = other.get(POLICY).token(&other.admin.access_token).send().expect(200);
    assert_eq!(shown["session_idle_minutes"], json!(null));
}

// S47
#[test]
fn rules_bound_sessions() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    set(&tenant, &json!({ "session_idle_minutes": 30, "session_lifetime_minutes": 60 }))
        .expect(200);
    // They apply to sessions that began before.
    age(&tenant, &user, "created_at", 31);
    refresh(&tenant, &user).expect_problem(401, "invalid_refresh_token");
    let user = sign_in(&tenant, &user);
    age(&tenant, &user, "created_at", 29);
    let next = TestUser::from(&refresh(&tenant, &user).expect(200));
    let sessions = tenant.get("/api/v1/auth/sessions").token(&next.access_token).send().expect(200);
    let time = |field: &str| -> chrono::DateTime<chrono::Utc> {
        sessions["items"][0][field].as_str().unwrap().parse().unwrap()
    };
    let minutes = (time("expires_at") - time("last_used_at")).num_seconds();
    assert!((1_790..=1_800).contains(&minutes), "{minutes} s");
    // Refreshing does not extend a session beyond its lifetime.
    age(&tenant, &next, "created_at", 32);
    refresh(&tenant, &next).expect_problem(401, "invalid_refresh_token");
    set(&tenant, &json!({ "session_idle_minutes": null, "session_lifetime_minutes": null, "max_sessions": 2 })).expect(200);
    let oldest = sign_in(&tenant, &user);
    let (second, third) = (sign_in(&tenant, &user), sign_in(&tenant, &user));
    let profile = |user: &TestUser| tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile(&oldest).expect_problem(401, "token_revoked");
    for kept in [&second, &third] {
        profile(kept).expect(200);
    }
}

// S47
#[test]
fn users_sign_in_from_allowed_networks() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    set(&tenant, &json!({ "allowed_networks": ["127.0.0.0/8", "198.51.100.0/24"] })).expect(200);
    let application = World::get().application_with(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let from = |address: &str, path: &str, body: &Value| {
        let call = Call::new(Method::POST, &application.address, path).slug(&tenant.slug);
        call.json(body).header("X-Forwarded-For", address).send()
    };
    let (login, refresh_path) = ("/api/v1/auth/login", "/api/v1/auth/refresh");
    let body = json!({ "email": user.email, "password": user.password });
    from("198.51.100.7", login, &body).expect(200);
    from("203.0.113.9", login, &body).expect_problem(403, "network_not_allowed");
    // Only the right password shows that a network is the reason.
    let wrong = json!({ "email": user.email, "password": "not my password" });
    from("203.0.113.9", login, &wrong).expect_problem(401, "invalid_credentials");
    let body = json!({ "refresh_token": user.refresh_token });
    from("203.0.113.9", refresh_path, &body).expect_problem(403, "network_not_allowed");
    // A refused change of the password changes nothing.
    let change =
        json!({ "current_password": user.password, "new_password": "another password of mine" });
    let call = Call::new(Method::POST, &application.address, "/api/v1/profile/password");
    let call = call.slug(&tenant.slug).token(&user.access_token).json(&change);
    let changed = call.header("X-Forwarded-For", "203.0.113.9").send();
    changed.expect_problem(403, "network_not_allowed");
    // The session continues where the user is allowed to be.
    refresh(&tenant, &user).expect(200);
    let failed = tenant.wait_until_audited("auth.login_failed", 2);
    assert_eq!(failed[0]["detail"]["reason"], "network_not_allowed");
}

// S12
#[test]
fn tenant_demands_longer_passwords() {
    let tenant = World::get().tenant();
    set(&tenant, &json!({ "password_min_length": 16 })).expect(200);
    let token = &tenant.admin.access_token;
    let user = |password: &str| {
        let email = format!("{}@acme.example", e2e::unique("long"));
        tenant
            .post("/api/v1/users", &json!({ "email": email, "password": password }))
            .token(token)
            .send()
    };
    assert_eq!(user("fifteen letters").expect_invalid(), ["password"]);
    user("sixteen letters!").expect(201);
    let body = json!({ "email": "invited@acme.example" });
    let invited = tenant.post("/api/v1/users", &body).token(token).send().expect(201);
    let set_up = |password: &str| {
        let body = json!({ "setup_token": invited["setup_token"], "password": password });
        tenant.post("/api/v1/auth/setup", &body).send()
    };
    assert_eq!(set_up("fifteen letters").expect_invalid(), ["password"]);
    let signed_in = TestUser::from(&set_up("sixteen letters!").expect(200));
    let change =
        json!({ "current_password": "sixteen letters!", "new_password": "fifteen letters" });
    let changed =
        tenant.post("/api/v1/profile/password", &change).token(&signed_in.access_token).send();
    assert_eq!(changed.expect_invalid(), ["new_password"]);
}
