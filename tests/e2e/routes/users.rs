//! `POST /api/v1/users`

use e2e::World;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

#[test]
fn an_administrator_makes_users_in_the_tenants_own_database() {
    let world = World::get();
    let tenant = world.tenant();
    let body = json!({
        "email": "User@Acme.com", "password": "secure_password", "username": "user.1",
        "first_name": " Ursula ", "last_name": "Ümit", "role": "viewer",
    });
    let created =
        tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token).send().expect(201);
    assert_json_snapshot!(created, { ".id" => "[id]", ".created_at" => "[time]" });
    let rows = world
        .services
        .superuser(&tenant.database())
        .query("SELECT id::text, password_hash FROM users WHERE email = 'user@acme.com'", &[])
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].get::<_, &str>(0), created["id"]);
    // S11
    let hash: &str = rows[0].get(1);
    assert!(hash.starts_with("$pbkdf2-sha256$i=600000,l=32$"), "{hash}");
    tenant.login("user@acme.com", "secure_password").expect(200);
}

#[test]
fn a_user_without_a_password_is_invited() {
    let world = World::get();
    let tenant = world.tenant();
    let body = json!({ "email": "invited@acme.com" });
    let created =
        tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token).send().expect(201);
    assert_eq!(created["role"], "user");
    let setup = json!({ "setup_token": created["setup_token"], "password": "my own password" });
    let signed_in = world.post("/api/v1/auth/setup", &setup).send().expect(200);
    assert_eq!(signed_in["user"]["id"], created["id"]);
}

#[test]
fn only_an_administrator_makes_users() {
    let tenant = World::get().tenant();
    let body = json!({ "email": "new@acme.com", "password": "secure_password" });
    for role in ["user", "viewer"] {
        let user = tenant.user(role);
        let answer = tenant.post("/api/v1/users", &body).token(&user.access_token).send();
        answer.expect_problem(403, "forbidden");
        // RFC 6750, section 3.1
        let challenge =
            r#"Bearer realm="tenancy", error="insufficient_scope", scope="users:write""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    tenant.post("/api/v1/users", &body).send().expect_problem(401, "authentication_required");
}

#[test]
fn what_must_be_unique_is_told_when_it_is_taken() {
    let tenant = World::get().tenant();
    let create =
        |body: &Value| tenant.post("/api/v1/users", body).token(&tenant.admin.access_token).send();
    create(&json!({ "email": "one@acme.com", "username": "One" })).expect(201);
    create(&json!({ "email": "ONE@acme.com" })).expect_problem(409, "email_taken");
    let same_username = json!({ "email": "two@acme.com", "username": "oNE" });
    create(&same_username).expect_problem(409, "username_taken");
}

#[test]
fn every_bad_field_is_named() {
    let tenant = World::get().tenant();
    for (body, fields) in [
        (json!({}), vec!["email"]),
        (json!({ "email": "nobody" }), vec!["email"]),
        (json!({ "email": "a@b.example", "password": "1234567" }), vec!["password"]),
        (json!({ "email": "a@b.example", "role": "owner" }), vec!["role"]),
        (json!({ "email": "a@b.example", "role": 1 }), vec!["role"]),
        (json!({ "email": "a@b.example", "username": "a b" }), vec!["username"]),
        (json!({ "email": "a@b.example", "username": "" }), vec!["username"]),
        (json!({ "email": "a@b.example", "first_name": "x".repeat(101) }), vec!["first_name"]),
        (json!({ "email": "a@b.example", "last_name": "a\tb" }), vec!["last_name"]),
        (json!({ "email": "a@b.example", "is_admin": true }), vec!["is_admin"]),
    ] {
        let call = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token);
        assert_eq!(call.send().expect_invalid(), fields, "{body}");
    }
}
