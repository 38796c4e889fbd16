//! Isolation of tenants from a tenant that reaches its limits.

use std::{
    io::Write as _,
    net::TcpStream,
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Answer, Application, Call, TestTenant, World};
use http::Method;
use serde_json::json;

fn put(application: &Application, tenant: &TestTenant, bytes: &[u8]) -> Answer {
    let call = Call::new(Method::PUT, &application.address, "/api/v1/files/f");
    let call = call.body("application/octet-stream", bytes);
    call.token(&tenant.admin.access_token).send()
}

/// Starts an upload that stalls in the middle of its body.
fn stalled_upload(application: &Application, tenant: &TestTenant, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(&application.address).unwrap();
    let token = &tenant.admin.access_token;
    let head = format!(
        "PUT /api/v1/files/stalled/{number} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-length: 1000\r\n\r\nhalf"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Starts uploads that stall, until more of them are in progress than the role of the tenant may have connections. An
/// instance ends the oldest uploads if many stall, and a busy host may refuse some.
fn stalled_uploads(
    world: &World,
    application: &Application,
    tenant: &TestTenant,
) -> Vec<TcpStream> {
    let in_progress = "SELECT count(*) FROM files WHERE status = 'uploading'";
    let mut database = world.services.superuser(&tenant.database());
    let mut stalled = Vec::new();
    for _ in 0..6 {
        let first = stalled.len();
        stalled
            .extend((first..first + 60).map(|number| stalled_upload(application, tenant, number)));
        let begin = Instant::now();
        while begin.elapsed().as_secs() < 10 {
            if database.query_one(in_progress, &[]).unwrap().get::<_, i64>(0) > 24 {
                return stalled;
            }
            sleep(Duration::from_millis(50));
        }
    }
    panic!("the uploads start");
}

/// Returns the number of connections of the roles of tenants.
fn connections(world: &World, tenants: &[&TestTenant]) -> i64 {
    let databases: Vec<_> = tenants.iter().map(|tenant| tenant.database()).collect();
    let statement = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = ANY ($1) AND starts_with(usename, 'tenant_')";
    world.services.superuser("tenancy").query_one(statement, &[&databases]).unwrap().get(0)
}

// S21
#[test]
fn full_storage_does_not_affect_others() {
    let world = World::get();
    let (full, other) = (world.tenant(), world.tenant());
    let application = world.application_with(&[]);
    full.limit(&json!({ "storage": 10 }));
    put(&application, &full, b"more than ten").expect_problem(507, "quota_exceeded");
    put(&application, &other, b"more than ten").expect(201);
}

/// Returns the world with few connections. Only one test at a time uses it, because the server allows 100 connections.
fn few_connections() -> (&'static World, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    (World::with_few_connections(), alone)
}

/// Returns the limits of the role of a tenant in PostgreSQL.
fn limits_of_role(world: &World, tenant: &TestTenant) -> (i32, Vec<String>) {
    let statement = "SELECT r.rolconnlimit, COALESCE(r.rolconfig, '{}') FROM pg_roles r
                     JOIN tenants t ON t.database_role = r.rolname WHERE t.id = $1::text::uuid";
    let mut catalog = world.services.superuser("tenancy");
    let row = catalog.query_one(statement, &[&tenant.id]).unwrap();
    (row.get(0), row.get(1))
}

/// Repeats a call for up to 15 s while the response is 503.
fn once_available(call: impl Fn() -> Answer) -> Answer {
    let begin = Instant::now();
    loop {
        let answer = call();
        if answer.status != 503 || begin.elapsed().as_secs() >= 15 {
            return answer;
        }
        sleep(Duration::from_millis(500));
    }
}

// S21
#[test]
fn stalled_uploads_do_not_exhaust_connections() {
    let (world, _alone) = few_connections();
    let (one, two, other) = (world.tenant(), world.tenant(), world.tenant());
    let application = world.application_with(&[]);
    let _stalled = [&one, &two].map(|tenant| stalled_uploads(world, &application, tenant));
    let of_the_catalog = "SELECT count(*) FROM pg_stat_activity
                          WHERE datname = 'tenancy' AND usename = 'tenancy'";
    let of_the_catalog: i64 =
        world.services.superuser("tenancy").query_one(of_the_catalog, &[]).unwrap().get(0);
    assert!(of_the_catalog <= 48, "{of_the_catalog}");
    for tenant in [&one, &two] {
        assert!(connections(world, &[tenant]) <= 16, "{}", connections(world, &[tenant]));
        // The pool of the other host may have all connections of the role until they have been idle for 10 s.
        let login = || tenant.login(&tenant.admin.email, &tenant.admin.password);
        once_available(login).expect(200);
        once_available(|| put(&application, tenant, b"of the same tenant")).expect(201);
    }
    let begin = Instant::now();
    put(&application, &other, b"of another tenant").expect(201);
    other.login(&other.admin.email, &other.admin.password).expect(200);
    world.tenant();
    assert!(begin.elapsed().as_secs() < 40, "{:?}", begin.elapsed());
}

#[test]
fn idle_connections_are_closed() {
    let (world, _alone) = few_connections();
    let tenant = world.tenant();
    let key = tenant.api_key(&["files:write", "files:read"]);
    let threads: Vec<_> = (0..24)
        .map(|number| tenant.put(&format!("/api/v1/files/{number}"), "x").token(&key))
        .map(|call| std::thread::spawn(move || call.send().expect(201)))
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let begin = Instant::now();
    while connections(world, &[&tenant]) > 0 {
        assert!(begin.elapsed().as_secs() < 60, "{}", connections(world, &[&tenant]));
        sleep(Duration::from_millis(200));
    }
    // The pool detects its closed connections, and opens new ones.
    for number in 0..8 {
        let answer = tenant.get(&format!("/api/v1/files/{number}")).token(&key).send();
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[test]
fn closed_pooled_connection_is_replaced() {
    let (world, _alone) = few_connections();
    let tenant = world.tenant();
    let mut superuser = world.services.superuser("tenancy");
    for round in 0..5 {
        tenant
            .put(&format!("/api/v1/files/{round}"), "x")
            .token(&tenant.admin.access_token)
            .send()
            .expect(201);
        let end = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
                   WHERE datname = $1 OR (datname = 'tenancy' AND usename = 'tenancy')";
        superuser.query(end, &[&tenant.database()]).unwrap();
        sleep(Duration::from_millis(100));
        tenant.login(&tenant.admin.email, &tenant.admin.password).expect(200);
    }
}

#[test]
fn tenant_role_has_configured_limits() {
    let (world, _alone) = few_connections();
    let tenant = world.tenant();
    let expected = vec![
        "statement_timeout=5s".to_owned(),
        "lock_timeout=3s".to_owned(),
        "idle_in_transaction_session_timeout=5s".to_owned(),
        "idle_session_timeout=10s".to_owned(),
        "temp_file_limit=256MB".to_owned(),
    ];
    assert_eq!(limits_of_role(world, &tenant), (16, expected.clone()));

    // A tenant of an earlier release has no limits; `migrate` sets them.
    let role = format!(
        "DO $$ DECLARE role text := (SELECT database_role FROM tenants WHERE id = '{}'); BEGIN
             EXECUTE format('ALTER ROLE %I CONNECTION LIMIT -1', role);
             EXECUTE format('ALTER ROLE %I RESET ALL', role);
         END $$",
        tenant.id
    );
    world.services.superuser("tenancy").batch_execute(&role).unwrap();
    let doctor = String::from_utf8(world.tenantctl(&["doctor"]).stdout).unwrap();
    assert!(
        doctor.contains("note  connections: ") && doctor.contains("1 tenants' roles"),
        "{doctor}"
    );
    assert!(world.tenantctl(&["migrate"]).status.success());
    assert_eq!(limits_of_role(world, &tenant), (16, expected));
}

#[test]
fn doctor_reports_insufficient_max_connections() {
    let (world, _alone) = few_connections();
    let mut settings = world.settings();
    settings.insert("TENANT_CONNECTIONS", "90".to_owned());
    let output = e2e::tenantctl(&settings, &["doctor"]);
    let doctor = String::from_utf8(output.stdout).unwrap();
    assert!(doctor.contains("bad   connections: PostgreSQL has 97 connections"), "{doctor}");
    assert!(!output.status.success());
}

#[test]
fn statement_waiting_for_lock_is_cancelled() {
    let (world, _alone) = few_connections();
    let tenant = world.tenant();
    let mut holder = world.services.superuser(&tenant.database());
    let mut transaction = holder.transaction().unwrap();
    transaction.batch_execute("LOCK TABLE files IN ACCESS EXCLUSIVE MODE").unwrap();
    let call = tenant.get("/api/v1/files").token(&tenant.admin.access_token);
    let begin = Instant::now();
    call.send().expect_problem(503, "unavailable");
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'";
    let mut superuser = world.services.superuser("tenancy");
    let waiting: i64 = superuser.query_one(waiting, &[&tenant.database()]).unwrap().get(0);
    assert_eq!(waiting, 0);
    transaction.rollback().unwrap();
    tenant.get("/api/v1/files").token(&tenant.admin.access_token).send().expect(200);
}
