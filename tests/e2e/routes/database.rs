//! `/api/v1/tenant/database/credentials`

use std::{thread::sleep, time::Duration};

use chrono::{DateTime, Utc};
use e2e::{
    World,
    database::{DATABASE_CREDENTIALS, connect},
};
use postgres::error::SqlState;
use serde_json::json;

#[test]
fn credential_has_documented_members() {
    let tenant = World::get().tenant();
    let answer = tenant.ask_for_database(&tenant.admin.access_token, &json!({}));
    let created = answer.expect(201);
    let id = created["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("{DATABASE_CREDENTIALS}/{id}"));
    assert_eq!((&created["access"], &created["connections"]), (&json!("write"), &json!(5)));
    assert_eq!(created["database"], tenant.database());
    assert_eq!(created["user_id"], tenant.admin.id);
    assert_eq!(created["api_key_id"], json!(null));
    let time = |name: &str| -> DateTime<Utc> { created[name].as_str().unwrap().parse().unwrap() };
    assert_eq!((time("expires_at") - time("created_at")).num_seconds(), 3_600);
    let role = created["role"].as_str().unwrap();
    let url = created["url"].as_str().unwrap();
    assert!(url.contains(role) && url.contains(created["password"].as_str().unwrap()), "{url}");
    let row =
        connect(&created).unwrap().query_one("SELECT current_schema(), session_user::text", &[]);
    let row = row.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("app", role));

    // The list has no password.
    let list = tenant.get(DATABASE_CREDENTIALS).token(&tenant.admin.access_token).send();
    assert!(!list.text.contains("password") && !list.text.contains("postgres://"), "{}", list.text);
    let list = list.expect(200);
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &json!(id)));
    assert_eq!(tenant.audited("database_credential.created").len(), 1);
}

#[test]
fn invalid_fields_are_reported() {
    let tenant = World::get().tenant();
    for (body, fields) in [
        (json!({ "access": "admin" }), vec!["access"]),
        (json!({ "expires_in": 59 }), vec!["expires_in"]),
        (json!({ "expires_in": 86_401 }), vec!["expires_in"]),
        (json!({ "expires_in": 60.5, "connections": 0 }), vec!["connections", "expires_in"]),
        (json!({ "connections": "5" }), vec!["connections"]),
        (json!({ "access": null, "role": "postgres" }), vec!["access", "role"]),
    ] {
        let mut found = tenant.ask_for_database(&tenant.admin.access_token, &body).expect_invalid();
        found.sort();
        assert_eq!(found, fields, "{body}");
    }
}

// S42
#[test]
fn scope_bounds_access() {
    let tenant = World::get().tenant();
    let of = |scopes: &[&str]| {
        let key = tenant.api_key(scopes);
        ["read", "write", "owner"].map(|access| {
            let body = json!({ "access": access, "connections": 1 });
            let answer = tenant.ask_for_database(&key, &body);
            if answer.status == 403 {
                answer.expect_problem(403, "scope_not_held");
            }
            answer.status
        })
    };
    assert_eq!(of(&["database:read"]), [201, 403, 403]);
    assert_eq!(of(&["database:write", "tenant:read"]), [201, 201, 403]);
    assert_eq!(of(&["database:owner"]), [201, 201, 201]);
    assert_eq!(of(&["tenant:read"]), [403, 403, 403]);
    let user = tenant.user("user");
    tenant
        .ask_for_database(&user.access_token, &json!({ "access": "read" }))
        .expect_problem(403, "scope_not_held");
}

#[test]
fn plan_limits_credentials_and_connections() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "database_credentials": 3, "database_connections": 8 }));
    let ask = |connections: u32| {
        let body = json!({ "access": "read", "connections": connections });
        tenant.ask_for_database(&tenant.admin.access_token, &body)
    };
    ask(9).expect_problem(409, "database_limit_reached");
    let first = ask(5).expect(201);
    let refused = ask(4).expect_problem(409, "database_limit_reached");
    assert!(refused["detail"].as_str().unwrap().contains("`database_connections`"), "{refused}");
    ask(1).expect(201);
    ask(1).expect(201);
    let refused = ask(1).expect_problem(409, "database_limit_reached");
    assert!(refused["detail"].as_str().unwrap().contains("`database_credentials`"), "{refused}");
    let path = format!("{DATABASE_CREDENTIALS}/{}", first["id"].as_str().unwrap());
    let revoked = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    ask(6).expect(201);
    // PostgreSQL enforces the limit of each role.
    let single = tenant.get(DATABASE_CREDENTIALS).token(&tenant.admin.access_token).send();
    assert_eq!(single.expect(200)["total"], 3);
}

#[test]
fn concurrent_requests_stay_within_limits() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "database_credentials": 4, "database_connections": 1000 }));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || {
            let body = json!({ "access": "read", "connections": 1 });
            tenant.ask_for_database(&tenant.admin.access_token, &body).status
        };
        let calls: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let created = statuses.iter().filter(|status| **status == 201).count();
    let refused = statuses.iter().filter(|status| **status == 409).count();
    assert_eq!((created, refused), (4, 6), "{statuses:?}");
}

#[test]
fn roles_of_tenantctl_do_not_count() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "database_credentials": 1, "database_connections": 2 }));
    let statement = "INSERT INTO database_credentials (id, tenant_id, role, access, connections, expires_at)
                     VALUES (gen_random_uuid(), $1::text::uuid, 'app_' || $1, 'owner', 2, now() + interval '1 hour')
                     RETURNING id::text";
    let mut catalog = World::get().services.superuser("tenancy");
    let id: String = catalog.query_one(statement, &[&tenant.id]).unwrap().get(0);
    let credential = tenant.database_credential("read");
    let token = &tenant.admin.access_token;
    let list = tenant.get(DATABASE_CREDENTIALS).token(token).send().expect(200);
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &credential["id"]));
    let revoked = tenant.delete(&format!("{DATABASE_CREDENTIALS}/{id}")).token(token).send();
    revoked.expect_problem(404, "database_credential_not_found");
}

// S42
#[test]
fn connections_of_role_are_limited() {
    let tenant = World::get().tenant();
    let credential = tenant.database_credential("read");
    let open: Vec<_> = (0..2).map(|_| connect(&credential).unwrap()).collect();
    let refused = connect(&credential).err().unwrap();
    assert_eq!(refused.code(), Some(&SqlState::TOO_MANY_CONNECTIONS), "{refused:?}");
    drop(open);
}

#[test]
fn full_database_gets_only_readers() {
    let tenant = World::get().tenant();
    tenant.limit(&json!({ "database": 1 }));
    for access in ["write", "owner"] {
        let body = json!({ "access": access });
        let refused = tenant.ask_for_database(&tenant.admin.access_token, &body);
        assert_eq!(refused.expect_problem(507, "quota_exceeded")["resource"], "database");
    }
    tenant.database_credential("read");
    let stats = tenant.get("/api/v1/tenant/stats").token(&tenant.admin.access_token).send();
    let stats = stats.expect(200);
    assert!(stats["usage"]["database"].as_i64().unwrap() > 1_000_000, "{stats}");
}

#[test]
fn unknown_credential_returns_404() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let foreign = other.database_credential("read");
    for id in [foreign["id"].as_str().unwrap(), "01920000-0000-7000-8000-000000000000", "x"] {
        let path = format!("{DATABASE_CREDENTIALS}/{id}");
        let answer = tenant.delete(&path).token(&tenant.admin.access_token).send();
        answer.expect_problem(404, "database_credential_not_found");
    }
    assert!(connect(&foreign).is_ok());
    let list = tenant.get(DATABASE_CREDENTIALS).token(&tenant.admin.access_token).send();
    assert_eq!(list.expect(200)["total"], 0);
}

#[test]
fn public_host_appears_in_credentials() {
    let world = World::get();
    let tenant = world.tenant();
    let proxied = world.application_with(&[("TENANT_DATABASE_PUBLIC_HOST", "db.example:6432")]);
    let path = DATABASE_CREDENTIALS;
    let call = e2e::Call::new(http::Method::POST, &proxied.address, path);
    let created = call.token(&tenant.admin.access_token).json(&json!({})).send().expect(201);
    assert_eq!((&created["host"], &created["port"]), (&json!("db.example"), &json!(6432)));
    assert!(created["url"].as_str().unwrap().contains("@db.example:6432/"), "{}", created["url"]);
}

/// Waits for a condition that background work reaches.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("not reached: {what}");
}

#[test]
fn maintenance_records_database_size() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.database_credential("read");
    let mut after = String::new();
    loop {
        let path = format!("/admin/maintenance{after}");
        let report = world.admin(http::Method::POST, &path).send().expect(200);
        let Some(cursor) = report["next_cursor"].as_str() else { break };
        after = format!("?after={cursor}");
    }
    let path = "/api/v1/tenant/usage/history?resource_type=database";
    let history = tenant.get(path).token(&tenant.admin.access_token).send().expect(200);
    assert!(history.to_string().contains("\"database\""), "{history}");
    let amount =
        "SELECT amount FROM tenant_usage WHERE tenant_id::text = $1 AND resource = 'database'";
    let mut catalog = world.services.superuser("tenancy");
    let amount: i64 = catalog.query_one(amount, &[&tenant.id]).unwrap().get(0);
    assert!(amount > 1_000_000, "{amount}");
    // Metrics are cached for a moment.
    wait_until("the metrics have both values", || {
        let metrics = world.get_path("/metrics").send().text;
        let value = |name: &str| -> i64 {
            let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
        };
        value("tenancy_database_bytes") >= amount && value("tenancy_database_credentials") >= 1
    });
}

// S43
#[test]
fn expired_credential_loses_its_connections() {
    let world = World::get();
    let tenant = world.tenant();
    let credential = tenant.database_credential("read");
    let mut connection = connect(&credential).unwrap();
    connection.query_one("SELECT 1", &[]).unwrap();
    let id: uuid::Uuid = credential["id"].as_str().unwrap().parse().unwrap();
    let expire = "UPDATE database_credentials SET expires_at = now() WHERE id = $1";
    assert_eq!(world.services.superuser("tenancy").execute(expire, &[&id]).unwrap(), 1);
    let role = credential["role"].as_str().unwrap();
    wait_until("the role is removed", || {
        // The work runs beside the requests of any tenant.
        tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send().expect(200);
        let exists = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        !world.services.superuser("tenancy").query_one(exists, &[&role]).unwrap().get::<_, bool>(0)
    });
    assert!(connection.query_one("SELECT 1", &[]).is_err());
    assert!(connect(&credential).is_err());
}
