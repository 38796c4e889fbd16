//! Destructions that PostgreSQL interrupts, and requests during a destruction.

use std::thread;

use e2e::{Call, TestTenant, World};
use http::Method;

use crate::support::{Arena, wait_until};

/// Simulates a crash of PostgreSQL during `DROP DATABASE`: the state `deleting`, no files, and an invalid database.
fn interrupt(tenant: &TestTenant) {
    let mut superuser = World::get().services.superuser("tenancy");
    let statement = "UPDATE tenants SET status = 'deleting' WHERE slug = $1";
    superuser.execute(statement, &[&tenant.slug]).unwrap();
    let mark = "UPDATE pg_database SET datconnlimit = -2 WHERE datname = $1";
    assert_eq!(superuser.execute(mark, &[&tenant.database()]).unwrap(), 1);
}

fn is_gone(tenant: &TestTenant) -> bool {
    let statement = "
        SELECT NOT EXISTS (SELECT FROM tenants WHERE slug = $1)
           AND NOT EXISTS (SELECT FROM pg_database WHERE datname = $2)
           AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $3)";
    let role = format!("tenant_{}", tenant.id.replace('-', ""));
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(statement, &[&tenant.slug, &tenant.database(), &role]).unwrap().get(0)
}

fn destroy(tenant: &TestTenant) -> Call {
    let path = format!("/admin/tenants/{}?hard_delete=true", tenant.id);
    World::get().admin(Method::DELETE, &path)
}

#[test]
fn repeated_delete_finishes_interrupted_drop() {
    let _arena = Arena::enter();
    let tenant = World::get().tenant();
    interrupt(&tenant);
    let answer = destroy(&tenant).send();
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert!(is_gone(&tenant));
}

#[test]
fn repair_finishes_interrupted_drop() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    interrupt(&tenant);
    arena.world.changed_earlier(&tenant.slug);
    let doctor = arena.world.tenantctl(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        said.contains("1 unfinished destructions") && said.contains("1 invalid databases"),
        "{said}"
    );
    let repair = arena.world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(repair.status.success(), "{}", String::from_utf8_lossy(&repair.stderr));
    assert!(is_gone(&tenant));
}

#[test]
fn repair_destroys_tenant_with_files() {
    let arena = Arena::enter();
    let (tenant, other) = (arena.world.tenant(), arena.world.tenant());
    let put = |tenant: &TestTenant| {
        let put = tenant.put("/api/v1/files/a.bin", vec![7; 600_000]);
        put.token(&tenant.admin.access_token).send().expect(201);
    };
    put(&tenant);
    assert_eq!(arena.world.stored_chunks(&tenant.id).len(), 3);
    let statement = "UPDATE tenants SET status = 'deleting' WHERE slug = $1";
    arena.world.services.superuser("tenancy").execute(statement, &[&tenant.slug]).unwrap();
    arena.world.changed_earlier(&tenant.slug);
    let repair = arena.world.tenantctl(&["repair", "--older-than-minutes", "60"]);
    assert!(repair.status.success(), "{}", String::from_utf8_lossy(&repair.stderr));
    assert!(is_gone(&tenant));
    // The service deletes them in the background of another upload.
    put(&other);
    wait_until("the chunks are removed", || arena.world.stored_chunks(&tenant.id).is_empty());
    assert_eq!(arena.world.stored_chunks(&other.id).len(), 3);
}

/// The request waits in the tenant's database while the database is dropped.
#[test]
fn request_during_destruction_is_rejected() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let key = tenant.api_key(&["users:read"]);
    let mut blocker = arena.world.services.account(&tenant.database());
    let mut transaction = blocker.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").unwrap();
    let list = |credential: String| {
        let address = arena.world.address().to_owned();
        thread::spawn(move || {
            Call::new(Method::GET, &address, "/api/v1/users").token(&credential).send()
        })
    };
    let (by_key, by_token) = (list(key), list(tenant.admin.access_token.clone()));
    let running =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    wait_until("both requests wait", || {
        let mut superuser = arena.world.services.superuser("tenancy");
        superuser.query_one(running, &[&tenant.database()]).unwrap().get::<_, i64>(0) == 2
    });
    let answer = destroy(&tenant).send();
    assert_eq!(answer.status, 204, "{}", answer.text);
    for waiting in [by_key, by_token] {
        let answer = waiting.join().unwrap();
        assert!(matches!(answer.status, 401 | 403), "{}: {}", answer.status, answer.text);
    }
}

#[test]
fn open_superuser_session_delays_destruction() {
    let arena = Arena::enter();
    let tenant = arena.world.tenant();
    let session = arena.world.services.superuser(&tenant.database());
    let early = destroy(&tenant).send();
    early.expect_problem(503, "unavailable");
    assert_eq!(early.header("retry-after"), "1");
    drop(session);
    wait_until("the destruction succeeds", || destroy(&tenant).send().status == 204);
    assert!(is_gone(&tenant));
}
