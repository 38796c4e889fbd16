//! The service is killed at each statement that creates or ends a database credential.

use std::sync::Arc;

use e2e::{
    Application, Call, Cut, Databases, Proxy, TestTenant, Watch, World,
    database::{DATABASE_CREDENTIALS, connect},
};
use http::Method;
use serde_json::{Value, json};

/// Calls an application whose connections to PostgreSQL go through a proxy, which kills it at a statement.
fn killed(
    tenant: &TestTenant,
    statement: &'static str,
    cut: Cut,
    call: impl FnOnce(&Application) -> Call,
) {
    let world = World::for_tools();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), ..direct };
    let application = Arc::new(world.another_application(&databases));
    world.relocate(&tenant.slug, &proxy.address);
    let call = call(&application);
    let victim = Arc::clone(&application);
    proxy.watch(Watch { statement, cut, action: Box::new(move || victim.kill()) });
    let answer = call.try_send();
    assert!(answer.is_err() && proxy.has_acted(), "{statement} {cut:?}: {answer:?}");
    world.relocate(&tenant.slug, &world.services.databases().postgres);
}

/// Returns the numbers of the tenant's roles on the cluster and of its rows in the catalog.
fn left(tenant: &TestTenant) -> (i64, i64) {
    let roles = "SELECT count(*) FROM pg_auth_members a JOIN pg_roles g ON g.oid = a.roleid
                 JOIN pg_roles m ON m.oid = a.member
                 WHERE g.rolname LIKE $1 AND m.rolname LIKE 'app\\_%'";
    let rows = "SELECT count(*) FROM database_credentials WHERE tenant_id::text = $1";
    let mut superuser = World::for_tools().services.superuser("tenancy");
    let pattern = format!("{}\\_%", tenant.database());
    let roles = superuser.query_one(roles, &[&pattern]).unwrap().get(0);
    (roles, superuser.query_one(rows, &[&tenant.id]).unwrap().get(0))
}

fn repair() {
    let output = World::for_tools().tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

// S43
#[test]
fn interrupted_creation_leaves_no_orphan() {
    let world = World::for_tools();
    let _alone = world.alone();
    for (statement, cut) in [
        ("reserve_database_credential", Cut::After),
        ("CREATE ROLE \"app_", Cut::Before),
        ("CREATE ROLE \"app_", Cut::After),
    ] {
        let tenant = world.tenant();
        killed(&tenant, statement, cut, |application| {
            let call = Call::new(Method::POST, &application.address, DATABASE_CREDENTIALS);
            call.token(&tenant.admin.access_token).json(&json!({ "access": "owner" }))
        });
        let (roles, rows) = left(&tenant);
        assert!(roles <= rows && rows == 1, "{statement} {cut:?}: {roles} {rows}");
        // It expires like any other. Nobody knows its password.
        let expire =
            "UPDATE database_credentials SET expires_at = now() WHERE tenant_id::text = $1";
        world.services.superuser("tenancy").execute(expire, &[&tenant.id]).unwrap();
        repair();
        assert_eq!(left(&tenant), (0, 0), "{statement} {cut:?}");
        assert!(connect(&tenant.database_credential("write")).is_ok());
    }
}

// S43
#[test]
fn interrupted_revocation_is_finished() {
    let world = World::for_tools();
    let _alone = world.alone();
    for (statement, cut) in [
        ("UPDATE database_credentials SET ended_at", Cut::After),
        ("NOLOGIN; GRANT", Cut::After),
        ("pg_terminate_backend", Cut::After),
        ("DROP OWNED BY", Cut::Before),
        ("DROP OWNED BY", Cut::After),
        ("DELETE FROM database_credentials", Cut::Before),
    ] {
        let tenant = world.tenant();
        let credential = tenant.database_credential("owner");
        let mut open = connect(&credential).unwrap();
        let path = format!("{DATABASE_CREDENTIALS}/{}", credential["id"].as_str().unwrap());
        killed(&tenant, statement, cut, |application| {
            Call::new(Method::DELETE, &application.address, &path).token(&tenant.admin.access_token)
        });
        // The repeated call finishes it, and so does a repair.
        let again = tenant.delete(&path).token(&tenant.admin.access_token).send();
        again.expect_problem(404, "database_credential_not_found");
        assert!(open.batch_execute("SELECT 1").is_err(), "{statement} {cut:?}");
        assert_eq!(left(&tenant), (0, 0), "{statement} {cut:?}");
    }
    repair();
}

// S43
#[test]
fn unreachable_cluster_delays_acknowledgement() {
    let world = World::for_tools();
    // A concurrent repair would wait for the unreachable database.
    let _alone = world.alone();
    for kind in ["credential", "API key", "tenant"] {
        let tenant = world.tenant();
        let key = json!({ "name": "service", "scopes": ["database:write"] });
        let key = tenant.create_api_key(&key);
        let secret = key["api_key"].as_str().unwrap();
        let body = json!({ "access": "write", "connections": 1 });
        let credential = tenant.ask_for_database(secret, &body).expect(201);
        let mut open = connect(&credential).unwrap();
        let delete = |collection: &str, item: &Value| {
            let path = format!("{collection}/{}", item["id"].as_str().unwrap());
            tenant.delete(&path).token(&tenant.admin.access_token)
        };
        let change = || match kind {
            "credential" => delete(DATABASE_CREDENTIALS, &credential).send(),
            "API key" => delete("/api/v1/api-keys", &key).send(),
            _ => {
                let path = format!("/admin/tenants/{}", tenant.id);
                world.admin(Method::PATCH, &path).json(&json!({ "status": "suspended" })).send()
            }
        };
        let proxy = Proxy::start(&world.services.databases().postgres);
        world.relocate(&tenant.slug, &proxy.address);
        proxy.close();
        change().expect_problem(503, "unavailable");
        assert!(open.batch_execute("SELECT 1").is_ok(), "{kind}");
        proxy.open();
        let again = change();
        assert!(again.status < 500, "{kind}: {}", again.text);
        assert!(open.batch_execute("SELECT 1").is_err(), "{kind}");
        assert_eq!(left(&tenant), (0, 0), "{kind}");
        world.relocate(&tenant.slug, &world.services.databases().postgres);
    }
}
