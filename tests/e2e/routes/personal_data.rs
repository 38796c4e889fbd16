//! `GET /api/v1/users/{id}/export` and `POST /api/v1/users/{id}/erasure`

use e2e::{Answer, TestTenant, TestUser, World, unique};
use http::Method;
use serde_json::{Value, json};
use sha2::Digest as _;
use uuid::Uuid;

fn export(tenant: &TestTenant, id: &str, token: &str) -> Answer {
    tenant.get(&format!("/api/v1/users/{id}/export")).token(token).send()
}

fn erase(tenant: &TestTenant, id: &str, token: &str) -> Answer {
    tenant.post(&format!("/api/v1/users/{id}/erasure"), &json!({})).token(token).send()
}

fn verify(tenant: &TestTenant) -> Value {
    let path = "/api/v1/tenant/audit/verify?full=true";
    tenant.get(path).token(&tenant.admin.access_token).send().expect(200)
}

fn names<'a>(items: &'a Value, member: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

/// A user with data of each kind.
fn busy_user(tenant: &TestTenant, role: &str) -> TestUser {
    let user = tenant.user(role);
    let admin = &tenant.admin.access_token;
    let named =
        json!({ "username": unique("zebulon"), "first_name": "Zebulon", "last_name": "Quart" });
    tenant.patch(&format!("/api/v1/users/{}", user.id), &named).token(admin).send().expect(200);
    tenant.login(&user.email, &user.password).expect(200);
    tenant.login(&user.email, "wrong password").expect_problem(401, "invalid_credentials");
    let path = format!("/api/v1/files/{}.txt", unique("file"));
    tenant.put(&path, "content").token(&user.access_token).send().expect(201);
    user
}

#[test]
fn export_contains_each_kind_of_data() {
    let world = World::get();
    let tenant = world.tenant();
    let user = busy_user(&tenant, "admin");
    let key = json!({ "name": "key of the user", "scopes": ["files:read"] });
    let key = tenant.post("/api/v1/api-keys", &key).token(&user.access_token).send().expect(201);
    tenant.create_api_key(&json!({ "name": "key of another", "scopes": [] }));
    let credential = json!({ "access": "read", "connections": 1 });
    let credential = tenant.ask_for_database(&user.access_token, &credential).expect(201);
    let path = format!("/api/v1/users/{}", user.id);
    let change = json!({ "last_name": "Quartz" });
    tenant.patch(&path, &change).token(&tenant.admin.access_token).send().expect(200);

    let answer = export(&tenant, &user.id, &user.access_token);
    assert_eq!(answer.header("content-type"), "application/json");
    let name = format!("attachment; filename=\"user-{}.json\"", user.id);
    assert_eq!(answer.header("content-disposition"), name);
    let data = answer.expect(200);
    let members: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "api_keys",
        "audit_events",
        "database_credentials",
        "files",
        "generated_at",
        "is_tenant_contact",
        "sessions",
        "user",
    ];
    assert_eq!(members, expected);
    assert_eq!(
        (&data["user"]["email"], &data["user"]["id"]),
        (&json!(user.email), &json!(user.id))
    );
    assert_eq!(
        (&data["user"]["last_name"], &data["user"]["has_password"]),
        (&json!("Quartz"), &json!(true))
    );
    assert_eq!(data["is_tenant_contact"], false);
    assert_eq!(data["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(data["sessions"][0]["address"], "127.0.0.1");
    assert_eq!(names(&data["api_keys"], "id"), [key["id"].as_str().unwrap()]);
    assert_eq!(names(&data["database_credentials"], "id"), [credential["id"].as_str().unwrap()]);
    assert_eq!(data["files"].as_array().unwrap().len(), 1);
    assert_eq!(data["files"][0]["size"], 7);
    let events = names(&data["audit_events"], "event");
    for event in [
        "user.created",
        "user.updated",
        "user.exported",
        "auth.login",
        "auth.login_failed",
        "auth.password_set",
        "api_key.created",
        "database_credential.created",
        "file.uploaded",
    ] {
        assert!(events.contains(&event), "{event} is not in {events:?}");
    }
    // Another person's request is an event about the user, without the address of that person.
    for event in data["audit_events"].as_array().unwrap() {
        let is_own = event["actor_id"] == user.id.as_str() || event["actor_type"] == "anonymous";
        assert_eq!(event["address"].is_string(), is_own, "{event}");
    }
    // S39
    let secrets = [
        key["api_key"].as_str().unwrap(),
        credential["password"].as_str().unwrap(),
        "$pbkdf2",
        "token_hash",
    ];
    for secret in secrets {
        assert!(!answer.text.contains(secret), "{secret}");
    }
    tenant.wait_until_audited("user.exported", 1);
    let own = export(&tenant, &tenant.admin.id, &tenant.admin.access_token).expect(200);
    assert_eq!(own["is_tenant_contact"], true);
}

#[test]
fn export_of_many_rows_is_complete() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let mut database = world.services.superuser(&tenant.database());
    let sessions =
        "INSERT INTO tenancy.sessions (id, user_id, token_hash, address, created_at, expires_at)
                    SELECT gen_random_uuid(), $1::text::uuid, sha256(n::text::bytea), '192.0.2.1',
                           now() - make_interval(secs => n / 3), now() + interval '1 day'
                    FROM generate_series(1, 1300) n";
    database.execute(sessions, &[&user.id]).unwrap();
    let data = export(&tenant, &user.id, &user.access_token).expect(200);
    let mut ids = names(&data["sessions"], "id");
    assert_eq!(ids.len(), 1301);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 1301);
}

// S17, S18, S44
#[test]
fn only_self_and_administrators_export() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let (user, viewer) = (tenant.user("user"), tenant.user("viewer"));
    for caller in [&user, &viewer] {
        export(&tenant, &caller.id, &caller.access_token).expect(200);
        export(&tenant, &tenant.admin.id, &caller.access_token).expect_problem(403, "forbidden");
        // The response does not show whether the user exists.
        let unknown = Uuid::from_u128(7).to_string();
        export(&tenant, &unknown, &caller.access_token).expect_problem(403, "forbidden");
    }
    export(&tenant, &user.id, &tenant.admin.access_token).expect(200);
    let both = tenant.api_key(&["users:read", "audit:read"]);
    export(&tenant, &user.id, &both).expect(200);
    for scopes in [&["users:read"][..], &["audit:read"], &["profile:read", "users:write"]] {
        let key = tenant.api_key(scopes);
        export(&tenant, &user.id, &key).expect_problem(403, "forbidden");
    }
    let unknown = Uuid::from_u128(7).to_string();
    for id in [unknown.as_str(), &other.admin.id, "nonsense"] {
        export(&tenant, id, &tenant.admin.access_token).expect_problem(404, "user_not_found");
    }
    let path = format!("/api/v1/users/{}/export", user.id);
    other.get(&path).token(&other.admin.access_token).send().expect_problem(404, "user_not_found");
    world.get_path(&path).send().expect_problem(401, "authentication_required");
}

#[test]
fn erased_user_is_rejected_and_receipt_is_returned() {
    let tenant = World::get().tenant();
    let user = busy_user(&tenant, "user");
    let erased = erase(&tenant, &user.id, &tenant.admin.access_token).expect(200);
    let profile = tenant.get("/api/v1/profile").token(&user.access_token).send();
    profile.expect_problem(401, "token_revoked");
    let refresh = json!({ "refresh_token": user.refresh_token });
    let refresh = tenant.post("/api/v1/auth/refresh", &refresh).send();
    refresh.expect_problem(401, "invalid_refresh_token");
    tenant.login(&user.email, &user.password).expect_problem(401, "invalid_credentials");
    let receipt = &erased["receipt"];
    assert_eq!((&receipt["user"], &receipt["tenant"]), (&json!(user.id), &json!(tenant.id)));
    assert_eq!(receipt["removed"]["sessions"], 2, "{receipt}");
    assert!(receipt["removed"]["audit_events"].as_i64().unwrap() >= 5, "{receipt}");
    let checksum = sha2::Sha256::digest(receipt.to_string().as_bytes());
    let checksum = checksum.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!(erased["sha256"], checksum);
    let events = tenant.audited("user.erased");
    assert_eq!((events.len(), &events[0]["detail"]["receipt"]), (1, receipt));
    assert_eq!(events[0]["actor_id"], tenant.admin.id);
    assert_eq!(tenant.audited("user.deleted").len(), 1);
    assert_eq!(verify(&tenant)["valid"], true);

    // A repeated call returns the same receipt.
    let again = erase(&tenant, &user.id, &tenant.admin.access_token).expect(200);
    assert_eq!(again, erased);
    assert_eq!(tenant.audited("user.erased").len(), 1);
    // The address is free again, and belongs to a different user.
    let again = json!({ "email": user.email, "password": "secure_password" });
    let again = tenant.post("/api/v1/users", &again).token(&tenant.admin.access_token);
    assert_ne!(again.send().expect(201)["id"], user.id);
}

// S16, S17, S18, S44
#[test]
fn erasure_requires_authority_over_user() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let (user, admin) = (tenant.user("user"), &tenant.admin.access_token);
    for role in ["user", "viewer"] {
        let caller = tenant.user(role);
        erase(&tenant, &user.id, &caller.access_token).expect_problem(403, "forbidden");
        erase(&tenant, &caller.id, &caller.access_token).expect_problem(403, "forbidden");
    }
    let weak = tenant.api_key(&["users:write"]);
    let second = tenant.user("admin");
    erase(&tenant, &second.id, &weak).expect_problem(403, "administrator_required");
    for id in [&Uuid::from_u128(7).to_string(), &other.admin.id, "nonsense"] {
        erase(&tenant, id, admin).expect_problem(404, "user_not_found");
    }
    let foreign = erase(&other, &user.id, &other.admin.access_token);
    foreign.expect_problem(404, "user_not_found");
    erase(&tenant, &second.id, admin).expect(200);
    erase(&tenant, &tenant.admin.id, admin).expect_problem(409, "last_admin");
    tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
    erase(&tenant, &user.id, &weak).expect(200);
    other.get("/api/v1/profile").token(&other.admin.access_token).send().expect(200);
}

#[test]
fn administrator_erases_own_account() {
    let world = World::get();
    let tenant = world.tenant();
    let second = tenant.user("admin");
    let erased = erase(&tenant, &tenant.admin.id, &tenant.admin.access_token).expect(200);
    assert_eq!(erased["receipt"]["removed"]["tenant_contacts"], 1, "{erased}");
    let path = format!("/admin/tenants/{}", tenant.id);
    let record = world.admin(Method::GET, &path).send().expect(200);
    assert_eq!(record["admin_email"], second.email);
    // The receipt has no address of the person, who was the caller.
    for event in ["user.erased", "user.deleted", "auth.login"] {
        for row in tenant.audited(event) {
            let is_own = row["actor_id"] == tenant.admin.id.as_str();
            assert_eq!(row["address"].is_null(), is_own, "{row}");
        }
    }
    let path = "/api/v1/tenant/audit/verify";
    let found = tenant.get(path).token(&second.access_token).send().expect(200);
    assert_eq!(found["valid"], true, "{found}");
}

#[test]
fn deleted_user_can_be_erased_later() {
    let tenant = World::get().tenant();
    let (user, admin) = (busy_user(&tenant, "user"), &tenant.admin.access_token);
    let path = format!("/api/v1/users/{}", user.id);
    assert_eq!(tenant.delete(&path).token(admin).send().status, 204);
    let erased = erase(&tenant, &user.id, admin).expect(200);
    assert!(erased["receipt"]["removed"]["audit_events"].as_i64().unwrap() >= 5, "{erased}");
    for event in ["auth.login", "auth.login_failed", "file.uploaded"] {
        let rows = tenant.audited(event);
        let own = rows.iter().filter(|row| {
            row["actor_id"] == user.id.as_str() || row["resource_id"] == user.id.as_str()
        });
        assert!(
            own.clone().count() > 0 && own.clone().all(|row| row["address"].is_null()),
            "{rows:?}"
        );
    }
    assert_eq!(verify(&tenant)["valid"], true);
}
