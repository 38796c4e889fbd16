//! `POST /admin/tenants`

use e2e::{World, unique};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

#[test]
fn tenant_creation_returns_credentials() {
    let world = World::get();
    let slug = unique("acme");
    let answer = world
        .admin_post(
            "/admin/tenants",
            &json!({
                "name": "  Acme Corporation ",
                "admin_email": "Admin@ACME.com",
                "slug": slug,
                "domain": format!("App.{slug}.Example."),
                "settings": { "theme": "dark" },
                "plan": "pro",
            }),
        )
        .send();
    let created = answer.expect(201);
    assert_eq!(
        answer.header("location"),
        format!("/admin/tenants/{}", created["id"].as_str().unwrap())
    );
    // S32
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(created["slug"], slug.as_str());
    assert_eq!(created["domain"], format!("app.{slug}.example"));
    assert_json_snapshot!(created, {
        ".id" => "[id]",
        ".slug" => "[slug]",
        ".domain" => "[domain]",
        ".domains[]" => "[domain]",
        ".api_key" => "[api key]",
        ".setup_token" => "[setup token]",
        ".created_at" => "[time]",
        ".updated_at" => "[time]",
    });
    let key = created["api_key"].as_str().unwrap();
    assert!(tenancy::api_key::ApiKey::parse(key).is_some(), "{key}");
}

#[test]
fn missing_slug_is_derived_from_name() {
    let world = World::get();
    let name = unique("Zoë's Café");
    let body = |email: &str| json!({ "name": name, "admin_email": email });
    let slug = |answer: Value| answer["slug"].as_str().unwrap().to_owned();
    let first = slug(world.admin_post("/admin/tenants", &body("a@x.example")).send().expect(201));
    let second = slug(world.admin_post("/admin/tenants", &body("a@x.example")).send().expect(201));
    assert!(first.starts_with("zoe-s-cafe-"), "{first}");
    assert_eq!(second, format!("{first}-2"));
}

#[test]
fn admin_password_replaces_setup_token() {
    let world = World::get();
    let slug = unique("acme");
    let body = json!({
        "name": "Acme",
        "admin_email": "admin@acme.com",
        "slug": slug,
        "admin_password": "the first password",
    });
    let created = world.admin_post("/admin/tenants", &body).send().expect(201);
    assert_eq!(created["setup_token"], Value::Null);
    let login = json!({ "email": "admin@acme.com", "password": "the first password" });
    let signed_in = world.post("/api/v1/auth/login", &login).slug(&slug).send().expect(200);
    assert_eq!(signed_in["user"]["role"], "admin");
}

#[test]
fn taken_slug_or_domain_returns_409() {
    let world = World::get();
    let (slug, domain) = (unique("acme"), format!("{}.example", unique("domain")));
    let body =
        json!({ "name": "Acme", "admin_email": "a@acme.com", "slug": slug, "domain": domain });
    world.admin_post("/admin/tenants", &body).send().expect(201);
    let again = world.admin_post("/admin/tenants", &body).send();
    let problem = again.expect_problem(409, "slug_taken");
    assert_eq!(problem["errors"][0]["field"], "slug");
    let other = json!({
        "name": "Other", "admin_email": "a@acme.com", "slug": unique("other"),
        // S30
        "domain": domain.to_uppercase(),
    });
    world.admin_post("/admin/tenants", &other).send().expect_problem(409, "domain_taken");
}

#[test]
fn invalid_fields_are_reported() {
    let world = World::get();
    let long = "x".repeat(201);
    let good = || json!({ "name": "Acme", "admin_email": "a@acme.com" });
    let with = |field: &str, value: Value| {
        let mut body = good();
        body[field] = value;
        body
    };
    for (body, fields) in [
        (json!({}), vec!["name", "admin_email"]),
        (json!({ "name": null, "admin_email": null }), vec!["name", "admin_email"]),
        (with("name", json!(7)), vec!["name"]),
        (with("name", json!("   ")), vec!["name"]),
        (with("name", json!(long)), vec!["name"]),
        (with("name", json!("a\u{0}b")), vec!["name"]),
        (with("name", json!("a\nb")), vec!["name"]),
        (with("admin_email", json!("nobody")), vec!["admin_email"]),
        (with("admin_email", json!(["a@acme.com"])), vec!["admin_email"]),
        (with("slug", json!("Not A Slug")), vec!["slug"]),
        (with("slug", json!("a")), vec!["slug"]),
        (with("slug", json!("admin")), vec!["slug"]),
        (with("slug", json!("a'; DROP TABLE tenants; --")), vec!["slug"]),
        (with("domain", json!("no domain")), vec!["domain"]),
        (with("domain", json!("127.0.0.1")), vec!["domain"]),
        (with("settings", json!([])), vec!["settings"]),
        (with("settings", json!({ "a": "\u{0}" })), vec!["settings"]),
        (with("settings", json!({ "a": "x".repeat(17_000) })), vec!["settings"]),
        (with("plan", json!("no such plan")), vec!["plan"]),
        (with("admin_password", json!("short")), vec!["admin_password"]),
        (with("admin_password", json!("x".repeat(129))), vec!["admin_password"]),
        (with("status", json!("active")), vec!["status"]),
        (
            json!({ "name": 1, "slug": 2, "unknown": 3 }),
            vec!["name", "admin_email", "slug", "unknown"],
        ),
    ] {
        let named = world.admin_post("/admin/tenants", &body).send().expect_invalid();
        assert_eq!(named, fields, "{body}");
    }
}

#[test]
fn idempotency_key_replays_response() {
    let world = World::get();
    let key = unique("idempotency");
    let body = json!({ "name": unique("Acme"), "admin_email": "a@acme.com" });
    let send = |body: &Value| {
        world.admin_post("/admin/tenants", body).header("idempotency-key", &key).send()
    };
    let first = send(&body);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = send(&body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(first.expect(201), again.expect(201));
    let other = json!({ "name": "Another", "admin_email": "a@acme.com" });
    send(&other).expect_problem(422, "idempotency_key_reused");
    world
        .admin_post("/admin/tenants", &body)
        .header("idempotency-key", &"x".repeat(256))
        .send()
        .expect_problem(400, "invalid_header");
}

#[test]
fn concurrent_idempotent_calls_create_one_tenant() {
    let world = World::get();
    for slug in [Value::Null, json!(unique("race"))] {
        let key = unique("idempotency");
        let body = json!({ "name": unique("Race"), "admin_email": "a@race.com", "slug": slug });
        let answers: Vec<Value> = std::thread::scope(|scope| {
            let send = || {
                let call = world.admin_post("/admin/tenants", &body);
                call.header("idempotency-key", &key).send().expect(201)
            };
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(send)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    }
}

#[test]
fn concurrent_idempotency_key_reuse_returns_422() {
    let world = World::get();
    let key = unique("idempotency");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let send = |number: usize| {
            let body = json!({ "name": format!("{key} {number}"), "admin_email": "a@race.com" });
            world.admin_post("/admin/tenants", &body).header("idempotency-key", &key).send()
        };
        let calls: Vec<_> = (0..3).map(|number| scope.spawn(move || send(number))).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(422, "idempotency_key_reused");
    }
}

#[test]
fn concurrent_calls_create_one_tenant() {
    let world = World::get();
    let body = json!({ "name": "Race", "admin_email": "a@race.com", "slug": unique("race") });
    let answers: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| world.admin_post("/admin/tenants", &body).send()))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.expect_problem(409, "slug_taken");
    }
    // The token in the successful response is valid, so no other call has replaced it.
    let setup = json!({
        "setup_token": made[0].json()["setup_token"], "password": "a good password",
    });
    world.post("/api/v1/auth/setup", &setup).send().expect(200);
}

#[test]
fn admin_routes_require_platform_key() {
    let world = World::get();
    let body = json!({ "name": "Acme", "admin_email": "a@acme.com" });
    let call = || world.post("/admin/tenants", &body);
    let missing = call().send();
    missing.expect_problem(401, "authentication_required");
    // S6
    assert_eq!(missing.header("www-authenticate"), r#"Bearer realm="tenancy""#);
    for wrong in ["wrong", "", &world.admin_key()[1..], &format!("{}x", world.admin_key())] {
        let answer = call().header("x-admin-key", wrong).send();
        answer.expect_problem(401, "invalid_admin_key");
    }
    call()
        .token(&world.tenant().admin.access_token)
        .send()
        .expect_problem(401, "invalid_admin_key");
    // All keys in a request must be valid.
    call()
        .token(&world.admin_key())
        .header("x-admin-key", "wrong")
        .send()
        .expect_problem(401, "invalid_admin_key");
    for header in ["x-admin-key", "x-admin-api-key", "x-api-key"] {
        let answer = world.call(Method::GET, "/admin/tenants").header(header, &world.admin_key());
        answer.send().expect(200);
    }
    world.get_path("/admin/nothing/here").send().expect_problem(401, "authentication_required");
    world.admin(Method::GET, "/admin/nothing/here").send().expect_problem(404, "route_not_found");
}
