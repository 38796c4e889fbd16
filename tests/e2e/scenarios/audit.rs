//! The audit trail: each event is chained exactly once, even after crashes.

use std::sync::Arc;

use e2e::{Call, Cut, Databases, Proxy, TestTenant, Watch, World};
use http::Method;
use postgres::Row;
use serde_json::{Value, json};

/// Returns the rows of a tenant's chain, oldest first.
fn chain(tenant: &TestTenant) -> Vec<Row> {
    let query = "SELECT sequence, event, mac FROM tenant_audit_logs
                 WHERE tenant_id = $1::text::uuid ORDER BY sequence";
    World::for_tools().services.superuser("tenancy").query(query, &[&tenant.id]).unwrap()
}

fn is_gapless(rows: &[Row]) {
    for (row, place) in rows.iter().zip(1_i64..) {
        assert_eq!(row.get::<_, i64>(0), place);
    }
}

fn waiting(tenant: &TestTenant) -> i64 {
    let world = World::for_tools();
    let own = world
        .services
        .superuser(&tenant.database())
        .query_one("SELECT count(*) FROM audit_outbox", &[])
        .unwrap();
    let count = "SELECT count(*) FROM audit_outbox WHERE tenant_id = $1::text::uuid";
    let shared = world.services.superuser("tenancy").query_one(count, &[&tenant.id]).unwrap();
    own.get::<_, i64>(0) + shared.get::<_, i64>(0)
}

fn wait_until_chained(tenant: &TestTenant) {
    let begin = std::time::Instant::now();
    while waiting(tenant) > 0 {
        assert!(begin.elapsed().as_secs() < 60, "the outboxes are emptied");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

// S37
#[test]
fn concurrent_events_form_gapless_chain() {
    let tenant = World::for_tools().tenant();
    let create = |number: usize| {
        let body = json!({ "email": format!("user-{number}@acme.com") });
        tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token).send().expect(201);
    };
    std::thread::scope(|scope| {
        for client in 0..8 {
            scope.spawn(move || (0..5).for_each(|number| create(client * 5 + number)));
        }
    });
    tenant.wait_until_audited("user.created", 40);
    wait_until_chained(&tenant);
    let rows = chain(&tenant);
    is_gapless(&rows);
    let mut macs: Vec<Vec<u8>> = rows.iter().map(|row| row.get(2)).collect();
    let head = "SELECT sequence, mac FROM tenant_audit_heads WHERE chain = $1::text::uuid";
    let head =
        World::for_tools().services.superuser("tenancy").query_one(head, &[&tenant.id]).unwrap();
    assert_eq!(head.get::<_, i64>(0), i64::try_from(rows.len()).unwrap());
    assert_eq!(Some(&head.get::<_, Vec<u8>>(1)), macs.last());
    macs.sort();
    macs.dedup();
    assert_eq!(macs.len(), rows.len());
}

// S37
#[test]
fn event_contains_actor_address_and_request() {
    let world = World::for_tools();
    let tenant = world.tenant();
    let body = json!({ "email": "new@acme.com", "role": "viewer" });
    let request = e2e::unique("request");
    let call = tenant.post("/api/v1/users", &body).token(&tenant.admin.access_token);
    let created = call.header("x-request-id", &request).send().expect(201);
    let events = tenant.wait_until_audited("user.created", 1);
    let expected = json!({
        "actor_type": "user", "actor_id": tenant.admin.id, "resource_type": "user",
        "resource_id": created["id"], "result": "success", "severity": "info",
        "address": "127.0.0.1", "request_id": request,
        "detail": { "role": "viewer", "custom_roles": [], "groups": [], "is_invited": true },
    });
    assert_eq!(events[0], expected);
    let made = tenant.wait_until_audited("tenant.created", 1);
    assert_eq!(
        (&made[0]["actor_type"], &made[0]["detail"]["slug"]),
        (&json!("platform"), &json!(tenant.slug))
    );
}

/// Starts an application that is killed when it sends a statement with this text, or when it receives the result.
fn mortal(statement: &'static str, cut: Cut) -> (Proxy, Arc<e2e::Application>) {
    let world = World::for_tools();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), redis: direct.redis };
    let application = Arc::new(world.another_application(&databases));
    let mortal = Arc::clone(&application);
    proxy.watch(Watch { statement, cut, action: Box::new(move || mortal.kill()) });
    (proxy, application)
}

#[test]
fn crash_neither_loses_nor_duplicates_events() {
    let world = World::for_tools();
    let _alone = world.alone();
    for (statement, cut) in [
        ("SELECT id, tenant_id, CASE WHEN octet_length(entry", Cut::Before),
        ("INSERT INTO tenant_audit_heads", Cut::Before),
        ("INSERT INTO tenant_audit_heads", Cut::After),
        ("DELETE FROM audit_outbox", Cut::Before),
        ("DELETE FROM audit_outbox", Cut::After),
    ] {
        let tenant = world.tenant();
        wait_until_chained(&tenant);
        let (proxy, application) = mortal(statement, cut);
        // The catalog records the proxy as the location of the tenant's database.
        world.relocate(&tenant.slug, &proxy.address);
        let call = Call::new(Method::POST, &application.address, "/api/v1/users");
        let call = call.token(&tenant.admin.access_token).json(&json!({ "email": "a@acme.com" }));
        // Either the response arrives before the event is chained, or the crash loses the response.
        let answer = call.try_send();
        let begin = std::time::Instant::now();
        while !proxy.has_acted() {
            assert!(begin.elapsed().as_secs() < 60, "{statement} is never sent: {answer:?}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        world.relocate(&tenant.slug, &world.services.databases().postgres);
        let output = world.tenantctl(&["repair", "--older-than-minutes", "600"]);
        let lines = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let chained: Value = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|line| !line["chained_audit_events"].is_null())
            .expect("repair reports the chained events");
        assert!(chained["chained_audit_events"].is_u64(), "{chained}");
        assert_eq!(waiting(&tenant), 0, "{statement} {cut:?}");
        assert_eq!(tenant.audited("user.created").len(), 1, "{statement} {cut:?}");
        is_gapless(&chain(&tenant));
    }
}

/// Each change and each rejected call is recorded as an event.
// S37
#[test]
fn each_call_records_its_event() {
    let world = World::for_tools();
    let tenant = world.tenant();
    let user = tenant.user("user");
    let admin = |method: Method, path: &str, body: Value| {
        let call = world.call(method, path).token(&tenant.admin.access_token);
        let call = if body.is_null() { call } else { call.json(&body) };
        let answer = call.send();
        assert!(answer.status < 300, "{path}: {}", answer.text);
        answer
    };
    let user_path = format!("/api/v1/users/{}", user.id);
    let tenant_path = format!("/admin/tenants/{}", tenant.id);
    let key = tenant.create_api_key(&json!({ "name": "a", "scopes": [] }));
    let key_path = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    admin(Method::PATCH, "/api/v1/profile", json!({ "first_name": "A" }));
    admin(Method::PATCH, &user_path, json!({ "is_active": false }));
    admin(Method::PATCH, &user_path, json!({ "is_active": true }));
    admin(Method::PATCH, &user_path, json!({ "role": "viewer" }));
    admin(Method::POST, &format!("{user_path}/reset-password"), Value::Null);
    admin(Method::DELETE, &user_path, Value::Null);
    admin(Method::PATCH, &key_path, json!({ "name": "b" }));
    admin(Method::POST, &format!("{key_path}/rotate"), Value::Null);
    admin(Method::DELETE, &key_path, Value::Null);
    let viewer = tenant.user("viewer");
    let denied = tenant.get("/api/v1/users").token(&viewer.access_token).send();
    denied.expect_problem(403, "forbidden");
    for change in [
        json!({ "name": "Other" }),
        json!({ "status": "suspended" }),
        json!({ "status": "active" }),
    ] {
        world.admin(Method::PATCH, &tenant_path).json(&change).send().expect(200);
    }
    let updated = tenant.wait_until_audited("api_key.updated", 1);
    let names = (&updated[0]["detail"]["before"]["name"], &updated[0]["detail"]["after"]["name"]);
    assert_eq!(names, (&json!("a"), &json!("b")));
    let deleted = tenant.wait_until_audited("user.deleted", 1);
    assert_eq!(deleted[0]["detail"]["before"]["role"], "viewer");
    for (event, count) in [
        ("tenant.created", 1),
        ("auth.password_set", 3),
        // The first administrator, the user and the viewer.
        ("auth.login", 3),
        ("user.created", 2),
        ("user.updated", 1),
        ("user.deactivated", 1),
        ("user.activated", 1),
        ("user.role_changed", 1),
        ("password.reset", 1),
        ("user.deleted", 1),
        ("api_key.created", 1),
        ("api_key.updated", 1),
        ("api_key.rotated", 1),
        ("api_key.revoked", 1),
        ("access.denied", 1),
        ("tenant.updated", 1),
        ("tenant.suspended", 1),
        ("tenant.activated", 1),
    ] {
        let events = tenant.wait_until_audited(event, count);
        assert!(events.iter().all(|event| event["request_id"].is_string()), "{events:?}");
    }
    assert_eq!(world.admin(Method::DELETE, &tenant_path).send().status, 204);
    tenant.wait_until_audited("tenant.deleted", 1);
    // The chain of the platform.
    world
        .get_path("/admin/tenants")
        .token("not the key")
        .send()
        .expect_problem(401, "invalid_admin_key");
    let refused = "SELECT count(*) FROM tenant_audit_logs
                   WHERE tenant_id IS NULL AND event = 'platform.key_refused'";
    let begin = std::time::Instant::now();
    let count =
        || -> i64 { world.services.superuser("tenancy").query_one(refused, &[]).unwrap().get(0) };
    while count() == 0 {
        assert!(begin.elapsed().as_secs() < 60, "the refused key is in the trail");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
