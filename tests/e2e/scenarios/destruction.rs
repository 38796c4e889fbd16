//! A hard delete that is killed at any statement, and then repeated.

use std::sync::Arc;

use e2e::{Call, Cut, Databases, Proxy, TestTenant, Watch, World};
use http::Method;

fn destroy(address: &str, tenant: &TestTenant) -> Call {
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    Call::new(Method::DELETE, address, &path).token(&World::for_tools().admin_key())
}

fn count(statement: &str, parameter: &str) -> i64 {
    let mut superuser = World::for_tools().services.superuser("tenancy");
    superuser.query_one(statement, &[&parameter]).unwrap().get(0)
}

#[track_caller]
fn nothing_is_left(tenant: &TestTenant, what: &str) {
    let role = format!("tenant_{}", tenant.id.replace('-', ""));
    for (statement, parameter) in [
        ("SELECT count(*) FROM pg_database WHERE datname = $1", tenant.database()),
        ("SELECT count(*) FROM pg_roles WHERE rolname = $1", role),
        ("SELECT count(*) FROM tenants WHERE id::text = $1", tenant.id.clone()),
    ] {
        assert_eq!(count(statement, &parameter), 0, "{what}: {statement}");
    }
    assert!(World::for_tools().stored_chunks(&tenant.id).is_empty(), "{what}");
    assert_eq!(tenant.wait_until_audited("tenant.destroyed", 1).len(), 1);
}

fn killed(statement: &'static str, cut: Cut) -> TestTenant {
    let world = World::for_tools();
    let tenant = world.tenant();
    let direct = world.services.databases();
    let proxy = Proxy::start(&direct.postgres);
    let databases = Databases { postgres: proxy.address.clone(), ..direct };
    let application = Arc::new(world.another_application(&databases));
    // The catalog records the proxy as the location of the tenant's database.
    move_to(&tenant, &proxy.address);
    let victim = Arc::clone(&application);
    proxy.watch(Watch { statement, cut, action: Box::new(move || victim.kill()) });
    let answer = destroy(&application.address, &tenant).try_send();
    assert!(answer.is_err() && proxy.has_acted(), "{statement} {cut:?}: {answer:?}");
    move_to(&tenant, &world.services.databases().postgres);
    tenant
}

fn move_to(tenant: &TestTenant, address: &str) {
    World::for_tools().relocate(&tenant.slug, address);
}

#[test]
fn repeated_hard_delete_finishes_after_crash() {
    let world = World::for_tools();
    let _alone = world.alone();
    for (statement, cut) in [
        ("FROM update_tenant(", Cut::After),
        ("DROP DATABASE IF EXISTS \"tenant_", Cut::Before),
        ("DROP DATABASE IF EXISTS \"tenant_", Cut::After),
        ("DROP ROLE", Cut::Before),
        ("DROP ROLE", Cut::After),
        ("DELETE FROM tenants", Cut::Before),
    ] {
        let tenant = killed(statement, cut);
        let path = format!("/admin/tenants/{}", tenant.id);
        let state = world.admin(Method::GET, &path).send().expect(200);
        assert_eq!(state["status"], "deleting", "{statement} {cut:?}");
        let info = world.get_path("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
        info.expect_problem(403, "tenant_deleted");
        let again = destroy(world.address(), &tenant).send();
        assert_eq!(again.status, 204, "{statement} {cut:?}: {}", again.text);
        nothing_is_left(&tenant, statement);
    }
}

#[test]
fn repair_finishes_destruction_without_files() {
    let world = World::for_tools();
    let _alone = world.alone();
    let tenant = killed("DROP DATABASE IF EXISTS \"tenant_", Cut::Before);
    world.changed_earlier(&tenant.slug);
    let output = world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("{{\"destroyed_tenant\":\"{}\"}}", tenant.id)), "{said}");
    nothing_is_left(&tenant, "repair");
}
