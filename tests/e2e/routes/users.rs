//! `POST /api/v1/users`

use e2e::{TestTenant, World, unique};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use tenancy::access::{Role, Scope};

#[test]
fn user_is_created_in_tenant_database() {
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
fn user_without_password_is_invited() {
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
fn only_administrator_may_create_users() {
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
fn taken_email_or_username_returns_409() {
    let tenant = World::get().tenant();
    let create =
        |body: &Value| tenant.post("/api/v1/users", body).token(&tenant.admin.access_token).send();
    create(&json!({ "email": "one@acme.com", "username": "One" })).expect(201);
    create(&json!({ "email": "ONE@acme.com" })).expect_problem(409, "email_taken");
    let same_username = json!({ "email": "two@acme.com", "username": "oNE" });
    create(&same_username).expect_problem(409, "username_taken");
}

#[test]
fn invalid_fields_are_reported() {
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

fn get(tenant: &TestTenant, path: &str) -> e2e::Answer {
    tenant.get(path).token(&tenant.admin.access_token).send()
}

fn patch(tenant: &TestTenant, id: &str, body: &Value) -> e2e::Answer {
    tenant.patch(&format!("/api/v1/users/{id}"), body).token(&tenant.admin.access_token).send()
}

fn delete(tenant: &TestTenant, id: &str) -> e2e::Answer {
    tenant.delete(&format!("/api/v1/users/{id}")).token(&tenant.admin.access_token).send()
}

#[test]
fn users_are_paged_and_searchable() {
    let tenant = World::get().tenant();
    let one = tenant.user("user");
    let two = tenant.user("viewer");
    let list = |query: &str| get(&tenant, &format!("/api/v1/users{query}")).expect(200);
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = list("");
    assert_eq!(ids(&all), [&two.id, &one.id, &tenant.admin.id].map(String::clone));
    assert_eq!((&all["total"], &all["limit"]), (&json!(3), &json!(50)));
    assert!(all["items"][0]["password_hash"].is_null() && all["items"][0]["version"].is_null());
    let second = list("?offset=1&limit=1");
    assert_eq!((ids(&second), &second["total"]), (vec![one.id.clone()], &json!(3)));
    assert_eq!(ids(&list("?role=viewer")), [two.id.as_str()]);
    let found = list(&format!("?search={}", one.email.to_uppercase()));
    assert_eq!(ids(&found), [one.id.as_str()]);
    assert_eq!(list("?search=100%25_")["total"], 0);
    patch(&tenant, &two.id, &json!({ "is_active": false })).expect(200);
    assert_eq!(ids(&list("?is_active=false")), [two.id]);
    for (query, field) in [("?limit=0", "limit"), ("?role=owner", "role"), ("?x=1", "x")] {
        let answer = get(&tenant, &format!("/api/v1/users{query}"));
        assert_eq!(answer.expect_invalid(), [field]);
    }
}

// S18
#[test]
fn foreign_user_returns_404() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let stranger = other.user("user");
    let nobody = uuid::Uuid::nil().to_string();
    let mut bodies = Vec::new();
    for id in [&stranger.id, &nobody, "nonsense"] {
        let path = format!("/api/v1/users/{id}");
        let reset = tenant.post(&format!("{path}/reset-password"), &json!({}));
        for answer in [
            get(&tenant, &path),
            patch(&tenant, id, &json!({ "role": "admin" })),
            delete(&tenant, id),
            reset.token(&tenant.admin.access_token).send(),
        ] {
            let mut problem = answer.expect_problem(404, "user_not_found");
            problem["request_id"].take();
            bodies.push(problem);
        }
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    other.get("/api/v1/profile").token(&stranger.access_token).send().expect(200);
}

#[test]
fn user_fields_change_independently() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let names = json!({ "username": "ursula", "first_name": "Ursula", "last_name": "Ü" });
    let changed = patch(&tenant, &user.id, &names).expect(200);
    assert_eq!((&changed["username"], &changed["role"]), (&json!("ursula"), &json!("user")));
    let changed = patch(&tenant, &user.id, &json!({ "first_name": null })).expect(200);
    assert_eq!((&changed["first_name"], &changed["last_name"]), (&Value::Null, &json!("Ü")));
    // S30
    let email = json!({ "email": "New.Name@Acme.COM" });
    assert_eq!(patch(&tenant, &user.id, &email).expect(200)["email"], "new.name@acme.com");
    tenant.login("NEW.name@acme.com", &user.password).expect(200);
    assert_eq!(
        get(&tenant, &format!("/api/v1/users/{}", user.id)).expect(200)["username"],
        "ursula"
    );
    let taken = json!({ "email": tenant.admin.email });
    patch(&tenant, &user.id, &taken).expect_problem(409, "email_taken");
    for (body, field) in [
        (json!({ "email": null, "role": "owner" }), "role"),
        (json!({ "is_active": "no" }), "is_active"),
        (json!({ "username": "" }), "username"),
        (json!({ "password": "secure_password" }), "password"),
    ] {
        assert_eq!(patch(&tenant, &user.id, &body).expect_invalid(), [field], "{body}");
    }
    let events = tenant.wait_until_audited("user.updated", 3);
    assert_eq!(events[0]["actor_id"], tenant.admin.id);
    assert_eq!(events[0]["resource_id"], user.id);
    assert_eq!(events[2]["detail"]["fields"], json!(["email"]));
    // S37
    assert!(!events.iter().any(|event| event.to_string().contains("acme.com")), "{events:?}");
}

#[test]
fn deleted_user_is_rejected() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    assert_eq!(delete(&tenant, &user.id).status, 204);
    get(&tenant, &format!("/api/v1/users/{}", user.id)).expect_problem(404, "user_not_found");
    delete(&tenant, &user.id).expect_problem(404, "user_not_found");
    tenant.login(&user.email, &user.password).expect_problem(401, "invalid_credentials");
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile.expect_problem(401, "token_revoked");
    // The address is free again, and belongs to a different user.
    let again = json!({ "email": user.email, "password": "secure_password" });
    let again = tenant.post("/api/v1/users", &again).token(&tenant.admin.access_token);
    assert_ne!(again.send().expect(201)["id"], user.id);
}

#[test]
fn last_administrator_cannot_be_removed() {
    let tenant = World::get().tenant();
    for change in [
        json!({ "role": "user" }),
        json!({ "role": "viewer", "first_name": "A" }),
        json!({ "is_active": false }),
    ] {
        patch(&tenant, &tenant.admin.id, &change).expect_problem(409, "last_admin");
    }
    delete(&tenant, &tenant.admin.id).expect_problem(409, "last_admin");
    patch(&tenant, &tenant.admin.id, &json!({ "first_name": "Still" })).expect(200);
    // A deactivated administrator is not included.
    let second = tenant.user("admin");
    patch(&tenant, &second.id, &json!({ "is_active": false })).expect(200);
    delete(&tenant, &tenant.admin.id).expect_problem(409, "last_admin");
    patch(&tenant, &second.id, &json!({ "is_active": true })).expect(200);
    patch(&tenant, &second.id, &json!({ "role": "user" })).expect(200);
    let events = tenant.wait_until_audited("user.role_changed", 1);
    assert_eq!(events[0]["detail"]["before"]["role"], "admin");
    assert_eq!(events[0]["detail"]["after"]["role"], "user");
}

#[test]
fn concurrent_demotions_keep_one_administrator() {
    let tenant = World::get().tenant();
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let key = tenant.api_key(&all);
    let role = |id: &str, role: &str| {
        let path = format!("/api/v1/users/{id}");
        tenant.patch(&path, &json!({ "role": role })).token(&key).send().status
    };
    let second = tenant.user("admin");
    for _ in 0..5 {
        let mut statuses = std::thread::scope(|scope| {
            let demotions =
                [&tenant.admin.id, &second.id].map(|id| scope.spawn(|| role(id, "user")));
            demotions.map(|demotion| demotion.join().unwrap())
        });
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409]);
        for id in [&tenant.admin.id, &second.id] {
            assert_eq!(role(id, "admin"), 200);
        }
    }
}

// S10
#[test]
fn password_reset_ends_sessions() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let reset = || {
        let path = format!("/api/v1/users/{}/reset-password", user.id);
        tenant.post(&path, &json!({})).token(&tenant.admin.access_token).send()
    };
    let (first, second) = (reset().expect(200), reset().expect(200));
    tenant.login(&user.email, &user.password).expect_problem(401, "invalid_credentials");
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile.expect_problem(401, "token_revoked");
    let refresh =
        world.post("/api/v1/auth/refresh", &json!({ "refresh_token": user.refresh_token }));
    refresh.send().expect_problem(401, "invalid_refresh_token");
    let set_up = |token: &Value| {
        let body = json!({ "setup_token": token, "password": "a new password" });
        world.post("/api/v1/auth/setup", &body).send()
    };
    set_up(&first["setup_token"]).expect_problem(401, "invalid_setup_token");
    set_up(&second["setup_token"]).expect(200);
    set_up(&second["setup_token"]).expect_problem(401, "invalid_setup_token");
    tenant.login(&user.email, "a new password").expect(200);
    tenant.wait_until_audited("password.reset", 2);
    // Includes the passwords of the administrator and of the user.
    tenant.wait_until_audited("auth.password_set", 3);
}

// S16
#[test]
fn granting_unheld_role_is_rejected() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let key = tenant.api_key(&["users:write", "users:read", "profile:read"]);
    let as_key = |call: e2e::Call| call.token(&key).send();
    let admin = json!({ "email": "a@b.example", "role": "admin" });
    as_key(tenant.post("/api/v1/users", &admin)).expect_problem(403, "scope_not_held");
    let path = format!("/api/v1/users/{}", user.id);
    let promote = json!({ "role": "admin" });
    as_key(tenant.patch(&path, &promote)).expect_problem(403, "scope_not_held");
    let reset = format!("/api/v1/users/{}/reset-password", tenant.admin.id);
    as_key(tenant.post(&reset, &json!({}))).expect_problem(403, "scope_not_held");
    // A caller without all administrator permissions cannot manage an administrator.
    let mut strong = vec!["users:write"];
    strong.extend(Role::User.scopes().iter().map(|scope| scope.as_str()));
    let strong = tenant.api_key(&strong);
    let second = tenant.user("admin");
    let path_of_admin = format!("/api/v1/users/{}", second.id);
    let as_strong = |call: e2e::Call| call.token(&strong).send();
    for answer in [
        as_strong(tenant.patch(&path_of_admin, &json!({ "role": "user" }))),
        as_strong(tenant.patch(&path_of_admin, &json!({ "is_active": false }))),
        as_strong(tenant.delete(&path_of_admin)),
        as_strong(tenant.post(&format!("{path_of_admin}/reset-password"), &json!({}))),
    ] {
        answer.expect_problem(403, "administrator_required");
    }
    as_strong(tenant.post(&format!("{path}/reset-password"), &json!({}))).expect(200);
    as_key(tenant.patch(&path, &json!({ "first_name": "A" }))).expect(200);
    tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
}

#[test]
fn passwordless_administrator_is_not_counted() {
    let tenant = World::get().tenant();
    let admin = &tenant.admin.access_token;
    let invited = json!({ "email": "invited@acme.com", "role": "admin" });
    let invited = tenant.post("/api/v1/users", &invited).token(admin).send().expect(201);
    for change in [json!({ "role": "user" }), json!({ "is_active": false })] {
        patch(&tenant, &tenant.admin.id, &change).expect_problem(409, "last_admin");
    }
    delete(&tenant, &tenant.admin.id).expect_problem(409, "last_admin");
    // A password reset removes the password, so this administrator cannot sign in.
    let second = tenant.user("admin");
    let reset = tenant.post(&format!("/api/v1/users/{}/reset-password", second.id), &json!({}));
    reset.token(admin).send().expect(200);
    delete(&tenant, &tenant.admin.id).expect_problem(409, "last_admin");
    // Administrators without a password can be deleted while another administrator can sign in.
    assert_eq!(delete(&tenant, &second.id).status, 204);
    assert_eq!(delete(&tenant, invited["id"].as_str().unwrap()).status, 204);
    let third = tenant.user("admin");
    patch(&tenant, &tenant.admin.id, &json!({ "role": "user" })).expect(200);
    tenant.login(&third.email, &third.password).expect(200);
}

// S16
#[test]
fn only_delegated_role_can_be_granted() {
    let world = World::get();
    let tenant = world.tenant();
    let mailer = tenant.api_key(&["users:write", "users:grant:viewer"]);
    let as_mailer = |call: e2e::Call| call.token(&mailer).send();
    let invite = |role: &str| {
        let body = json!({ "email": format!("{}@acme.com", unique(role)), "role": role });
        as_mailer(tenant.post("/api/v1/users", &body))
    };
    let viewer = invite("viewer").expect(201);
    for role in ["user", "admin"] {
        let problem = invite(role).expect_problem(403, "scope_not_held");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("users:grant:{role}")));
    }
    let user = tenant.user("user");
    let second = tenant.user("admin");
    let path = |id: &str| format!("/api/v1/users/{id}");
    let reset =
        |id: &str| as_mailer(tenant.post(&format!("{}/reset-password", path(id)), &json!({})));
    let token = reset(viewer["id"].as_str().unwrap()).expect(200)["setup_token"].clone();
    reset(&user.id).expect_problem(403, "scope_not_held");
    reset(&second.id).expect_problem(403, "administrator_required");
    // The key can change only roles that it can grant, in both directions.
    let role = |id: &str, role: &str| as_mailer(tenant.patch(&path(id), &json!({ "role": role })));
    role(viewer["id"].as_str().unwrap(), "user").expect_problem(403, "scope_not_held");
    role(&user.id, "viewer").expect_problem(403, "scope_not_held");
    role(&second.id, "viewer").expect_problem(403, "administrator_required");
    role(viewer["id"].as_str().unwrap(), "viewer").expect(200);
    // The scope cannot be used to create a stronger key.
    let keys = tenant.api_key(&["api_keys:write", "users:write", "users:grant:viewer"]);
    let body = json!({ "name": "a", "scopes": ["users:write", "users:grant:user"] });
    let more = tenant.post("/api/v1/api-keys", &body).token(&keys).send();
    more.expect_problem(403, "scope_not_held");
    let body = json!({ "setup_token": token, "password": "a good password" });
    let signed_in = world.post("/api/v1/auth/setup", &body).send().expect(200);
    assert_eq!(signed_in["user"]["role"], "viewer");
    // A key with the scope for the administrator role can manage administrators.
    let strong = tenant.api_key(&["users:write", "users:grant:admin"]);
    let reset = tenant.post(&format!("{}/reset-password", path(&second.id)), &json!({}));
    reset.token(&strong).send().expect(200);
}
