//! `POST /api/v1/auth/login`

use std::time::{Duration, Instant};

use e2e::{TestTenant, World, unique};
use http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

#[test]
fn valid_login_returns_tokens() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let answer = tenant.login(&user.email.to_uppercase(), &user.password);
    let signed_in = answer.expect(200);
    // S32
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_json_snapshot!(signed_in, {
        ".access_token" => "[access token]",
        ".refresh_token" => "[refresh token]",
        ".user.id" => "[id]",
        ".user.email" => "[email]",
        ".user.created_at" => "[time]",
        ".user.last_login" => "[time]",
    });
    let token = signed_in["access_token"].as_str().unwrap();
    let profile = tenant.get("/api/v1/profile").token(token).send().expect(200);
    assert_eq!(profile, signed_in["user"]);
}

#[test]
fn session_records_address_and_user_agent() {
    let world = World::get();
    let tenant = world.tenant();
    let body = json!({ "email": tenant.admin.email, "password": tenant.admin.password });
    let forged = tenant
        .post("/api/v1/auth/login", &body)
        .header("spin-client-addr", "203.0.113.7:1")
        .header("user-agent", "test/1.0")
        .send();
    forged.expect(200);
    let row = world
        .services
        .superuser(&tenant.database())
        .query_one("SELECT address, user_agent FROM sessions ORDER BY created_at DESC LIMIT 1", &[])
        .unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("127.0.0.1", "test/1.0"));
}

// S13
#[test]
fn failed_logins_return_same_response() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let invited = json!({ "email": "invited@acme.com" });
    tenant.post("/api/v1/users", &invited).token(&tenant.admin.access_token).send().expect(201);
    let inactive = tenant.user("user");
    world
        .services
        .superuser(&tenant.database())
        .execute("UPDATE users SET is_active = false WHERE email = $1", &[&inactive.email])
        .unwrap();
    let mut answers = Vec::new();
    for (email, password) in [
        (user.email.as_str(), "not the password"),
        ("nobody@acme.com", "not the password"),
        ("invited@acme.com", "not the password"),
        (inactive.email.as_str(), inactive.password.as_str()),
    ] {
        let mut problem = tenant.login(email, password).expect_problem(401, "invalid_credentials");
        problem["request_id"].take();
        answers.push(problem);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[test]
fn missing_or_unknown_tenant_is_rejected() {
    let world = World::get();
    let body = json!({ "email": "a@b.example", "password": "whatever" });
    let call = || world.post("/api/v1/auth/login", &body);
    call().send().expect_problem(400, "tenant_required");
    for slug in ["no-such-tenant", "Not A Slug", "x'--"] {
        call().slug(slug).send().expect_problem(401, "invalid_credentials");
    }
    let twice = call().slug("one-tenant").slug("another-tenant").send();
    twice.expect_problem(400, "invalid_header");
}

#[test]
fn inactive_tenant_rejects_login() {
    let world = World::get();
    let tenant = world.tenant();
    let mut catalog = world.services.superuser("tenancy");
    let login = || tenant.login(&tenant.admin.email, &tenant.admin.password);
    for (change, status, code) in [
        ("status = 'suspended', suspended_at = now()", 403, "tenant_suspended"),
        ("status = 'deleting'", 401, "invalid_credentials"),
        ("status = 'deleted', deleted_at = now()", 401, "invalid_credentials"),
    ] {
        let change = format!("UPDATE tenants SET {change} WHERE slug = $1");
        catalog.execute(&change, &[&tenant.slug]).unwrap();
        login().expect_problem(status, code);
    }
}

// S22
#[test]
fn tenants_cannot_be_enumerated() {
    let world = World::get();
    let (tenant, suspended, deleted) = (world.tenant(), world.tenant(), world.tenant());
    let path = |tenant: &TestTenant| format!("/admin/tenants/{}", tenant.id);
    let suspend = json!({ "status": "suspended" });
    world.admin(Method::PATCH, &path(&suspended)).json(&suspend).send().expect(200);
    assert_eq!(world.admin(Method::DELETE, &path(&deleted)).send().status, 204);
    let attempt = |slug: &str, email: &str, host: &str| {
        let body = json!({ "email": email, "password": "not the password" });
        let begin = Instant::now();
        let call = world.post("/api/v1/auth/login", &body).slug(slug).header("host", host);
        (call.send(), begin.elapsed())
    };
    let domain = format!("{}.com", tenant.slug);
    let domains = json!({ "domains": [domain] });
    world.admin(Method::PATCH, &path(&tenant)).json(&domains).send().expect(200);
    let mut responses = Vec::new();
    for (slug, email, host) in [
        (tenant.slug.as_str(), tenant.admin.email.as_str(), "localhost"),
        (&tenant.slug, "nobody@acme.com", "localhost"),
        (&suspended.slug, &suspended.admin.email, "localhost"),
        (&suspended.slug, "nobody@acme.com", "localhost"),
        (&deleted.slug, &deleted.admin.email, "localhost"),
        ("no-such-tenant", "nobody@acme.com", "localhost"),
        ("-", "nobody@acme.com", "localhost"),
        // The response does not show whether a host belongs to a tenant.
        ("no-such-tenant", "nobody@acme.com", &domain),
        (&suspended.slug, "nobody@acme.com", &domain),
    ] {
        let (answer, took) = attempt(slug, email, host);
        let mut problem = answer.expect_problem(401, "invalid_credentials");
        problem["request_id"].take();
        let mut headers: Vec<_> =
            answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
        headers.sort();
        // A password is always hashed.
        assert!(took > Duration::from_millis(20), "{slug}: {took:?}");
        responses.push((problem, headers));
    }
    assert!(responses.windows(2).all(|pair| pair[0] == pair[1]), "{responses:?}");
    // Unknown tenants are throttled like existing ones.
    let slug = unique("unknown");
    let statuses: Vec<_> =
        (0..6).map(|_| attempt(&slug, "nobody@acme.com", "localhost").0.status).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    // The response to valid credentials contains the reason.
    let told = suspended.login(&suspended.admin.email, &suspended.admin.password);
    told.expect_problem(403, "tenant_suspended");
}

#[test]
fn invalid_fields_are_reported() {
    let tenant = World::get().tenant();
    for (body, fields) in [
        (json!({}), vec!["email", "password"]),
        (json!({ "email": "a@b.example" }), vec!["password"]),
        (json!({ "email": "nobody", "password": "x" }), vec!["email"]),
        (json!({ "email": "a@b.example", "password": "" }), vec!["password"]),
        (json!({ "email": "a@b.example", "password": "x".repeat(129) }), vec!["password"]),
        (json!({ "email": "a@b.example", "password": 12_345_678 }), vec!["password"]),
        (json!({ "email": "a@b.example", "password": "x", "otp": "1" }), vec!["otp"]),
    ] {
        let named = tenant.post("/api/v1/auth/login", &body).send().expect_invalid();
        assert_eq!(named, fields, "{body}");
    }
}

#[test]
fn weak_hash_is_replaced_at_login() {
    // S11
    let world = World::get();
    let tenant = world.tenant();
    let mut database = world.services.superuser(&tenant.database());
    let weak = "$pbkdf2-sha256$i=1000,l=32$AAAAAAAAAAAAAAAAAAAAAA$\
                VBx+478aAmKku9IaQw65gQ8cdzNrEoOyX/Nf7CVypsU";
    let set = "UPDATE users SET password_hash = $1 WHERE email = $2";
    let hash = "SELECT password_hash FROM users WHERE email = $1";
    database.execute(set, &[&weak, &tenant.admin.email]).unwrap();
    tenant.login(&tenant.admin.email, "a weaker password").expect(200);
    let begin = Instant::now();
    loop {
        let row = database.query_one(hash, &[&tenant.admin.email]).unwrap();
        if row.get::<_, String>(0).starts_with("$pbkdf2-sha256$i=600000,l=32$") {
            break;
        }
        assert!(begin.elapsed().as_secs() < 60, "the hash is replaced");
        std::thread::sleep(Duration::from_millis(50));
    }
    tenant.login(&tenant.admin.email, "a weaker password").expect(200);
}
