//! Provisioning that is killed at any statement, and then repeated.

use e2e::{Answer, Application, Call, Cut, Databases, Proxy, Watch, World, unique};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// A part of the text of each provisioning statement, in order.
const STATEMENTS: [&str; 6] = [
    "INSERT INTO tenants",
    "CREATE ROLE",
    "CREATE DATABASE",
    "GRANT CONNECT ON DATABASE",
    "INSERT INTO users",
    "UPDATE tenants SET status = ",
];

fn create(address: &str, body: &Value, idempotency_key: &str) -> Call {
    Call::new(Method::POST, address, "/admin/tenants")
        .token(&World::get().admin_key())
        .header("idempotency-key", idempotency_key)
        .json(body)
}

/// Starts an application that connects to PostgreSQL through a proxy, and is killed at a statement.
fn mortal_application(statement: &'static str, cut: Cut) -> (Proxy, Databases, Arc<Application>) {
    let world = World::get();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), ..direct };
    let application = Arc::new(world.another_application(&databases));
    let victim = Arc::clone(&application);
    proxy.watch(Watch { statement, cut, action: Box::new(move || victim.kill()) });
    (proxy, databases, application)
}

fn killed_and_repeated(statement: &'static str, cut: Cut) -> (Value, Answer) {
    let world = World::get();
    let (proxy, databases, application) = mortal_application(statement, cut);
    let body =
        json!({ "name": "Crash", "admin_email": "a@crash.example", "slug": unique("crash") });
    let key = unique("key");
    let answer = create(&application.address, &body, &key).try_send();
    assert!(answer.is_err(), "{statement}: the application is killed first: {answer:?}");
    assert!(proxy.has_acted(), "{statement} is among the statements: {answer:?}");
    drop(application);
    proxy.open();
    let application = world.another_application(&databases);
    let answer = create(&application.address, &body, &key).send();
    (body, answer)
}

fn is_whole(body: &Value, created: &Value) {
    let world = World::get();
    let slug = body["slug"].as_str().unwrap();
    let mut superuser = world.services.superuser("tenancy");
    let mut count = |statement: &str, parameter: &str| -> i64 {
        superuser.query_one(statement, &[&parameter]).unwrap().get(0)
    };
    let id = created["id"].as_str().unwrap();
    let role = format!("tenant_{}", id.replace('-', ""));
    for (what, statement, parameter) in [
        ("row", "SELECT count(*) FROM tenants WHERE slug = $1 AND status = 'active'", slug),
        ("role", "SELECT count(*) FROM pg_roles WHERE rolname = $1", &role),
        ("database", "SELECT count(*) FROM pg_database WHERE datname = $1 AND datallowconn", &role),
        ("key", "SELECT count(*) FROM tenant_api_keys WHERE tenant_id::text = $1", id),
    ] {
        assert_eq!(count(statement, parameter), 1, "one {what} for {slug}");
    }
    let mut database = world.services.superuser(&role);
    let users: i64 = database.query_one("SELECT count(*) FROM users", &[]).unwrap().get(0);
    assert_eq!(users, 1, "one user for {slug}");
    let setup = json!({ "setup_token": created["setup_token"], "password": "secure_password" });
    world.post("/api/v1/auth/setup", &setup).send().expect(200);
}

#[test]
fn creation_killed_before_statement_is_repeatable() {
    for statement in STATEMENTS {
        let (body, answer) = killed_and_repeated(statement, Cut::Before);
        is_whole(&body, &answer.expect(201));
        assert_eq!(answer.header("idempotency-replayed"), "", "{statement}");
    }
}

#[test]
fn creation_killed_after_statement_is_repeatable() {
    for statement in STATEMENTS {
        let (body, answer) = killed_and_repeated(statement, Cut::After);
        is_whole(&body, &answer.expect(201));
        // After the last statement only the response was lost, so it is replayed.
        let was_last = statement == STATEMENTS[STATEMENTS.len() - 1];
        let expected = if was_last { "true" } else { "" };
        assert_eq!(answer.header("idempotency-replayed"), expected, "{statement}");
    }
}

#[test]
fn repeated_creation_continues_without_idempotency_key() {
    let world = World::get();
    let (proxy, _, application) = mortal_application("CREATE DATABASE", Cut::After);
    let body =
        json!({ "name": "Crash", "admin_email": "a@crash.example", "slug": unique("crash") });
    let call = |address: &str, body: &Value| {
        Call::new(Method::POST, address, "/admin/tenants").token(&world.admin_key()).json(body)
    };
    assert!(call(&application.address, &body).try_send().is_err());
    proxy.open();
    // A different request must not take the reserved slug.
    let mut other = body.clone();
    other["admin_email"] = json!("b@crash.example");
    call(world.address(), &other).send().expect_problem(409, "slug_taken");
    is_whole(&body, &call(world.address(), &body).send().expect(201));
}

// A request would otherwise meet the state of the tenant during its creation, for up to a minute.
#[test]
fn tenant_is_usable_after_plan_change_during_creation() {
    let world = World::get();
    let plan = unique("plan");
    let limits = |users: u32| {
        json!({ "users": users, "storage": 1_000, "api_calls": 1_000, "ai_requests": 10,
                "requests_per_minute": 600, "cache": 1_000_000 })
    };
    let body = json!({ "name": plan, "limits": limits(3) });
    world.admin_post("/admin/plans", &body).send().expect(201);
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let application =
        world.another_application(&Databases { postgres: proxy.address.clone(), ..direct });
    let path = format!("/admin/plans/{plan}");
    proxy.watch(Watch {
        statement: "UPDATE tenants SET status = ",
        cut: Cut::Delay,
        action: Box::new(move || {
            let change = json!({ "limits": limits(4) });
            World::get().admin(Method::PATCH, &path).json(&change).send().expect(200);
        }),
    });
    let body = json!({ "name": "Early", "admin_email": "a@early.example", "plan": plan,
                       "slug": unique("early") });
    let created = create(&application.address, &body, &unique("key")).send().expect(201);
    assert!(proxy.has_acted());
    let key = created["api_key"].as_str().unwrap();
    let info = world.get_path("/api/v1/tenant/info").token(key).send().expect(200);
    assert_eq!(info["id"], created["id"]);
}
