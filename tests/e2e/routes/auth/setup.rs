//! `POST /api/v1/auth/setup`

use e2e::{World, unique};
use serde_json::{Value, json};

fn new_tenant() -> (String, Value) {
    let created = create_tenant();
    let slug = created["slug"].as_str().unwrap().to_owned();
    (slug, created["setup_token"].clone())
}

fn create_tenant() -> Value {
    let slug = unique("acme");
    let body = json!({ "name": "Acme", "admin_email": "admin@acme.com", "slug": slug });
    World::get().admin_post("/admin/tenants", &body).send().expect(201)
}

#[test]
fn setup_token_is_valid_once() {
    let world = World::get();
    let (slug, token) = new_tenant();
    let body = json!({ "setup_token": token, "password": "secure_password" });
    let signed_in = world.post("/api/v1/auth/setup", &body).slug(&slug).send().expect(200);
    // An administrator may have forwarded the token, so it does not prove control of the address.
    assert_eq!(signed_in["user"]["is_verified"], false);
    assert_eq!(signed_in["user"]["role"], "admin");
    let access_token = signed_in["access_token"].as_str().unwrap();
    world.get_path("/api/v1/profile").token(access_token).send().expect(200);
    let login = json!({ "email": "admin@acme.com", "password": "secure_password" });
    world.post("/api/v1/auth/login", &login).slug(&slug).send().expect(200);
    world.post("/api/v1/auth/setup", &body).send().expect_problem(401, "invalid_setup_token");
}

#[test]
fn concurrent_setups_succeed_once() {
    let world = World::get();
    let (_, token) = new_tenant();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|number| {
                let password = format!("the password of call {number}");
                let body = json!({ "setup_token": token, "password": password });
                scope.spawn(move || world.post("/api/v1/auth/setup", &body).send().status)
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 2, "{statuses:?}");
}

#[test]
fn invalid_setup_token_returns_401() {
    let world = World::get();
    let tenant = world.tenant();
    let created = create_tenant();
    let token = created["setup_token"].clone();
    let setup = |token: &Value| {
        world.post("/api/v1/auth/setup", &json!({ "setup_token": token, "password": "a good one" }))
    };
    let text = token.as_str().unwrap();
    // S4: other tokens of the service are not accepted as setup tokens.
    for wrong in [
        "",
        "lds_",
        "nonsense",
        &text[..text.len() - 2],
        &format!("x{text}"),
        tenant.created["setup_token"].as_str().unwrap(),
        tenant.created["api_key"].as_str().unwrap(),
        tenant.admin.access_token.as_str(),
        tenant.admin.refresh_token.as_str(),
    ] {
        setup(&json!(wrong)).send().expect_problem(401, "invalid_setup_token");
    }
    // S17: the token belongs to one tenant, and the request must not address another tenant.
    setup(&token).slug(&tenant.slug).send().expect_problem(403, "tenant_mismatch");
    world
        .services
        .superuser(&format!("tenant_{}", created["id"].as_str().unwrap().replace('-', "")))
        .execute("UPDATE users SET setup_token_expires_at = now()", &[])
        .unwrap();
    setup(&token).send().expect_problem(401, "invalid_setup_token");
}

#[test]
fn invalid_fields_are_reported() {
    let (_, token) = new_tenant();
    for (body, fields) in [
        (json!({}), vec!["setup_token", "password"]),
        (json!({ "setup_token": token, "password": "1234567" }), vec!["password"]),
        (json!({ "setup_token": token, "password": "x".repeat(129) }), vec!["password"]),
        (json!({ "setup_token": 1, "password": "a good one" }), vec!["setup_token"]),
        (json!({ "token": token, "password": "a good one" }), vec!["setup_token", "token"]),
    ] {
        let named = World::get().post("/api/v1/auth/setup", &body).send().expect_invalid();
        assert_eq!(named, fields, "{body}");
    }
}

#[test]
fn address_change_invalidates_setup_token() {
    let world = World::get();
    let tenant = world.tenant();
    let admin = &tenant.admin.access_token;
    let created = tenant.post("/api/v1/users", &json!({ "email": "old@acme.com" })).token(admin);
    let created = created.send().expect(201);
    let path = format!("/api/v1/users/{}", created["id"].as_str().unwrap());
    let patch = |body: &Value| tenant.patch(&path, body).token(admin).send().expect(200);
    let set_up = |token: &Value| {
        let body = json!({ "setup_token": token, "password": "a good password" });
        world.post("/api/v1/auth/setup", &body).send()
    };
    // Changing the case of the address, or another field, does not invalidate the token.
    patch(&json!({ "email": "OLD@acme.com", "first_name": "A" }));
    patch(&json!({ "email": "new@acme.com" }));
    set_up(&created["setup_token"]).expect_problem(401, "invalid_setup_token");
    let reset = tenant.post(&format!("{path}/reset-password"), &json!({})).token(admin).send();
    let reset = reset.expect(200);
    patch(&json!({ "email": "NEW@acme.com" }));
    let signed_in = set_up(&reset["setup_token"]).expect(200);
    assert_eq!(signed_in["user"]["email"], "new@acme.com");
    assert_eq!(signed_in["user"]["is_verified"], false);
    tenant.login("new@acme.com", "a good password").expect(200);
}
