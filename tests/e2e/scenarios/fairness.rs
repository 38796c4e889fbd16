//! A tenant at its limits, and another one beside it.

use std::{
    io::Write as _,
    net::TcpStream,
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

/// An upload that stops in the middle of its body.
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

/// How many connections the databases of a tenant have.
fn connections(tenant: &TestTenant) -> i64 {
    let statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
    let mut superuser = World::get().services.superuser("tenancy");
    superuser.query_one(statement, &[&tenant.database()]).unwrap().get(0)
}

// S21
#[test]
fn a_tenant_whose_storage_is_full_keeps_no_other_from_writing() {
    let world = World::get();
    let (full, other) = (world.tenant(), world.tenant());
    let application = world.application_with(&[]);
    full.limit(&json!({ "storage": 10 }));
    put(&application, &full, b"more than ten").expect_problem(507, "quota_exceeded");
    put(&application, &other, b"more than ten").expect(201);
}

// S21
#[test]
fn a_tenant_that_holds_every_connection_it_may_have_keeps_no_other_from_theirs() {
    /// Of one component to one database: Spin's pool.
    const POOL: i64 = 64;
    let world = World::get();
    let (greedy, other) = (world.tenant(), world.tenant());
    let application = world.application_with(&[]);
    let begin = Instant::now();
    let _stalled: Vec<_> =
        (0..70).map(|number| stalled_upload(&application, &greedy, number)).collect();
    while connections(&greedy) < POOL {
        assert!(begin.elapsed().as_secs() < 15, "{} of {POOL}", connections(&greedy));
        sleep(Duration::from_millis(50));
    }
    let begin = Instant::now();
    put(&application, &other, b"of another tenant").expect(201);
    assert!(begin.elapsed().as_secs() < 3, "{:?}", begin.elapsed());
    let mine = put(&application, &greedy, b"of the same");
    mine.expect_problem(503, "unavailable");
    assert_eq!(mine.header("retry-after"), "1");
}
