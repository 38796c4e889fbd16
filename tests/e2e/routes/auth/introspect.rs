//! `POST /api/v1/auth/introspect` (RFC 7662)

use e2e::{Answer, TestTenant, World};
use http::Method;
use serde_json::json;

fn introspect(service: &str, token: &str) -> Answer {
    World::get()
        .call(Method::POST, "/api/v1/auth/introspect")
        .token(service)
        .body("application/x-www-form-urlencoded", format!("token={token}&token_type_hint=x"))
        .send()
}

fn service(tenant: &TestTenant) -> String {
    tenant.api_key(&["tokens:introspect"])
}

#[test]
fn valid_token_is_active_with_claims() {
    let tenant = World::get().tenant();
    let service = service(&tenant);
    let user = tenant.user("user");
    let token = introspect(&service, &user.access_token).expect(200);
    assert_eq!(token["active"], true);
    assert_eq!((&token["token_type"], &token["kind"]), (&json!("Bearer"), &json!("access_token")));
    assert_eq!((&token["sub"], &token["tid"]), (&json!(user.id), &json!(tenant.id)));
    assert_eq!((&token["slug"], &token["role"]), (&json!(tenant.slug), &json!("user")));
    assert_eq!(
        token["scope"],
        "profile:read profile:write tenant:read files:read files:write cache:read cache:write"
    );
    assert_eq!((&token["iss"], &token["aud"]), (&json!("tenancy"), &json!("tenancy")));
    let number = |name: &str| token[name].as_i64().unwrap();
    assert_eq!(number("exp") - number("iat"), 1_800);
    assert_eq!(token["acr"], "urn:tenancy:acr:one-factor");
    assert!((number("iat") - number("auth_time")).abs() <= 2, "{token}");
    let refresh = introspect(&service, &user.refresh_token).expect(200);
    assert_eq!((&refresh["active"], &refresh["kind"]), (&json!(true), &json!("refresh_token")));
    assert_eq!(refresh["username"], user.email);
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    let told = introspect(&service, key["api_key"].as_str().unwrap()).expect(200);
    assert_eq!((&told["active"], &told["kind"]), (&json!(true), &json!("api_key")));
    assert_eq!((&told["client_id"], &told["scope"]), (&key["id"], &json!("tenant:read")));
}

// S17, S18
#[test]
fn invalid_or_foreign_token_is_inactive() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let service = service(&tenant);
    let user = tenant.user("user");
    tenant.post("/api/v1/auth/logout-all", &json!({})).token(&user.access_token).send();
    for token in [
        "nonsense",
        "",
        &user.access_token,
        &user.refresh_token,
        &other.admin.access_token,
        &other.admin.refresh_token,
        other.created["api_key"].as_str().unwrap(),
        &world.admin_key(),
    ] {
        let told = introspect(&service, token).expect(200);
        assert_eq!(told, json!({ "active": false }), "{token}");
    }
}

#[test]
fn introspection_requires_form_body() {
    let tenant = World::get().tenant();
    let service = service(&tenant);
    let json = tenant.post("/api/v1/auth/introspect", &json!({ "token": "x" })).token(&service);
    json.send().expect_problem(415, "unsupported_media_type");
    let call = |body: &str| {
        let call = World::get().call(Method::POST, "/api/v1/auth/introspect").token(&service);
        call.body("application/x-www-form-urlencoded", body).send()
    };
    // RFC 6749, section 5.2
    for wrong in ["", "token=a&token=b"] {
        let problem = call(wrong).expect_problem(400, "invalid_request");
        assert_eq!(problem["error"], "invalid_request");
    }
    // Section 3.2: unknown parameters are ignored.
    assert_eq!(call("token=a&client_id=b").expect(200), json!({ "active": false }));
    let binary = World::get().call(Method::POST, "/api/v1/auth/introspect").token(&service);
    let binary = binary.body("application/x-www-form-urlencoded", vec![b't', 0xff]).send();
    binary.expect_problem(400, "invalid_request");
}

#[test]
fn oauth_client_authenticates_with_http_basic() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let world = World::get();
    let tenant = world.tenant();
    let body = json!({ "name": "a", "scopes": ["tokens:introspect", "tokens:revoke"] });
    let key = tenant.create_api_key(&body);
    let (id, secret) = (key["id"].as_str().unwrap(), key["api_key"].as_str().unwrap());
    let post = |path: &str, credentials: &str, token: &str| {
        let basic = format!("Basic {}", STANDARD.encode(credentials));
        let call = world.call(Method::POST, path).header("authorization", &basic);
        call.body("application/x-www-form-urlencoded", format!("token={token}")).send()
    };
    let (introspect, revoke) = ("/api/v1/auth/introspect", "/api/v1/auth/revoke");
    let user = tenant.user("user");
    let right = format!("{id}:{secret}");
    assert_eq!(post(introspect, &right, &user.access_token).expect(200)["active"], true);
    // Both parts are form-encoded.
    let encoded = format!("{}:{}", id.replace('-', "%2D"), secret.replace('_', "%5f"));
    assert_eq!(post(introspect, &encoded, &user.access_token).expect(200)["active"], true);
    let other = world.tenant();
    let foreign = other.created["api_key"].as_str().unwrap();
    for wrong in [
        format!("{id}:{secret}x"),
        format!("{id}:"),
        format!("{}:{secret}", uuid::Uuid::nil()),
        format!("{}:{secret}", other.id),
        format!("{id}:{foreign}"),
        secret.to_owned(),
    ] {
        let refused = post(introspect, &wrong, &user.access_token);
        assert_eq!(refused.expect_problem(401, "invalid_client")["error"], "invalid_client");
        assert!(refused.header("www-authenticate").starts_with("Basic "), "{wrong}");
    }
    let weak = tenant.create_api_key(&json!({ "name": "a", "scopes": ["tenant:read"] }));
    let weak = format!("{}:{}", weak["id"].as_str().unwrap(), weak["api_key"].as_str().unwrap());
    post(introspect, &weak, &user.access_token).expect_problem(403, "forbidden");
    assert_eq!(post(revoke, &right, &user.refresh_token).status, 200);
    assert_eq!(post(introspect, &right, &user.access_token).expect(200)["active"], false);
    // Other routes do not accept HTTP Basic.
    let basic = format!("Basic {}", STANDARD.encode(&right));
    let elsewhere = world.get_path("/api/v1/auth/verify").header("authorization", &basic).send();
    elsewhere.expect_problem(401, "authentication_required");
}
