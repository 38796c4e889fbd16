//! `GET /api/v1/profile`

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use e2e::World;
use serde_json::{Value, json};

#[test]
fn each_role_reads_own_profile() {
    let tenant = World::get().tenant();
    for role in ["admin", "user", "viewer"] {
        let user = tenant.user(role);
        let profile = tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
        assert_eq!((&profile["id"], &profile["role"]), (&user.id.into(), &role.into()));
    }
}

#[test]
fn invalid_access_token_returns_401() {
    let world = World::get();
    let tenant = world.tenant();
    let token = &tenant.admin.access_token;
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (_, claims) = head.split_once('.').unwrap();
    // S1
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    for wrong in [
        String::new(),
        "nonsense".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{head}."),
        format!("{head}.{}", signature.chars().rev().collect::<String>()),
        format!("{token}."),
        // S4
        tenant.admin.refresh_token.clone(),
        world.admin_key(),
        // S5
        format!("{}.{claims}.{signature}", "A".repeat(9_000)),
    ] {
        let answer = tenant.get("/api/v1/profile").token(&wrong).send();
        answer.expect_problem(401, "invalid_token");
        // S6
        let challenge = r#"Bearer realm="tenancy", error="invalid_token""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
    let key = tenant.created["api_key"].as_str().unwrap();
    tenant.get("/api/v1/profile").token(key).send().expect_problem(403, "user_required");
    let missing = tenant.get("/api/v1/profile").send();
    missing.expect_problem(401, "authentication_required");
    // S7
    let in_the_query = tenant.get(&format!("/api/v1/profile?access_token={token}")).send();
    in_the_query.expect_problem(401, "authentication_required");
    let basic = tenant.get("/api/v1/profile").header("authorization", "Basic YTpi").send();
    basic.expect_problem(401, "authentication_required");
    // RFC 6750, section 3.1: for another scheme, the challenge contains no error.
    assert_eq!(basic.header("www-authenticate"), r#"Bearer realm="tenancy""#);
}

#[test]
fn user_may_change_only_own_names() {
    let tenant = World::get().tenant();
    let user = tenant.user("viewer");
    let patch =
        |body: &Value| tenant.patch("/api/v1/profile", body).token(&user.access_token).send();
    let changed = patch(&json!({ "username": "me", "first_name": "Mia" })).expect(200);
    assert_eq!((&changed["username"], &changed["first_name"]), (&json!("me"), &json!("Mia")));
    assert_eq!(patch(&json!({ "username": null })).expect(200)["username"], Value::Null);
    assert_eq!(patch(&json!({})).expect(200)["first_name"], "Mia");
    for field in ["role", "is_active", "email", "is_verified", "id", "version"] {
        assert_eq!(patch(&json!({ field: "admin" })).expect_invalid(), [field]);
    }
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
    assert_eq!(profile["role"], "viewer");
}
