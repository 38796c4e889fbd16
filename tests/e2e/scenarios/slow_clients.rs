//! Clients that send or read slowly. Each wait has a time limit.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use e2e::{Application, Call, TestTenant, World, root};
use http::Method;

const SECOND: Duration = Duration::from_secs(1);

fn connect(application: &Application, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&application.address).unwrap();
    write!(stream, "{head}\r\nhost: x\r\n").unwrap();
    stream
}

/// Starts a sign-in whose body never arrives.
fn stalled_login(application: &Application, tenant: &TestTenant) -> TcpStream {
    let mut stream = connect(application, "POST /api/v1/auth/login HTTP/1.1");
    write!(
        stream,
        "x-tenant-slug: {}\r\ncontent-type: application/json\r\ncontent-length: 6000\r\n\r\n{{",
        tenant.slug
    )
    .unwrap();
    stream
}

/// Sends `piece` every second until a response arrives. Returns its status and the elapsed seconds.
fn dribble(mut stream: TcpStream, piece: &[u8]) -> (u16, u64) {
    let begin = Instant::now();
    stream.set_read_timeout(Some(SECOND)).unwrap();
    let mut head = [0; 12];
    loop {
        if stream.read_exact(&mut head).is_ok() {
            let status = String::from_utf8_lossy(&head[9..]).parse().unwrap();
            return (status, begin.elapsed().as_secs());
        }
        assert!(begin.elapsed().as_secs() < 90, "the request has no response");
        // The server may already have sent the response.
        let _ = stream.write_all(piece);
    }
}

#[test]
fn slow_json_body_returns_408() {
    let world = World::get();
    let tenant = world.tenant();
    let application = world.application_with(&[]);
    let (status, seconds) = dribble(stalled_login(&application, &tenant), b" ");
    assert_eq!(status, 408);
    assert!((8..=40).contains(&seconds), "{seconds} s");
}

#[test]
fn slow_upload_returns_408() {
    let world = World::get();
    let tenant = world.tenant();
    let application = world.application_with(&[]);
    let mut stream = connect(&application, "PUT /api/v1/files/slow HTTP/1.1");
    let token = &tenant.admin.access_token;
    write!(stream, "authorization: Bearer {token}\r\ncontent-length: 100000000\r\n\r\n").unwrap();
    // A fast start earns no credit.
    stream.write_all(&vec![b'x'; 1 << 20]).unwrap();
    let (status, seconds) = dribble(stream, &[b'x'; 100]);
    assert_eq!(status, 408);
    assert!((25..=60).contains(&seconds), "{seconds} s");
    tenant.wait_until_stored(0);
}

#[test]
fn upload_at_minimum_rate_succeeds() {
    let world = World::get();
    let tenant = world.tenant();
    let application = world.application_with(&[]);
    let mut stream = connect(&application, "PUT /api/v1/files/slow HTTP/1.1");
    let token = &tenant.admin.access_token;
    write!(stream, "authorization: Bearer {token}\r\ncontent-length: 160000\r\n\r\n").unwrap();
    let (status, seconds) = dribble(stream, &[b'x'; 4_000]);
    assert_eq!(status, 201);
    assert!(seconds >= 35, "{seconds} s");
}

#[test]
fn stalled_requests_do_not_block_others() {
    const STALLED: usize = 160;
    let world = World::get();
    let tenant = world.tenant();
    // Starts fewer instances than usual, so that each gets more requests than its limit.
    let arguments = ["--max-instance-concurrent-reuse-count", "64"];
    let application = Application::start_manifest(
        &root().join("spin.toml"),
        &world.settings(),
        &world.services.folder(),
        &arguments,
    );
    let stalled = (0..STALLED).map(|_| {
        // Gives the host time to choose a ready instance.
        sleep(Duration::from_millis(10));
        stalled_login(&application, &tenant)
    });
    let stalled: Vec<_> = stalled.collect();
    let outcomes: Vec<_> =
        stalled.into_iter().map(|stream| thread::spawn(move || dribble(stream, b""))).collect();
    for _ in 0..6 {
        let call = Call::new(Method::POST, &application.address, "/api/v1/auth/login");
        let body =
            serde_json::json!({ "email": tenant.admin.email, "password": tenant.admin.password });
        call.slug(&tenant.slug).json(&body).send().expect(200);
        sleep(SECOND / 2);
    }
    let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.join().unwrap()).collect();
    assert!(outcomes.iter().all(|(status, _)| matches!(status, 408 | 503)), "{outcomes:?}");
    assert!(outcomes.iter().all(|(_, seconds)| *seconds < 16), "{outcomes:?}");
    let displaced = outcomes.iter().filter(|(status, _)| *status == 503).count();
    assert!(displaced > STALLED / 2, "{displaced}");
}

#[test]
fn stalled_reader_is_disconnected() {
    const SIZE: usize = 48 << 20;
    let world = World::get();
    let tenant = world.tenant();
    let application = world.application_with(&[]);
    let token = &tenant.admin.access_token;
    let put = Call::new(Method::PUT, &application.address, "/api/v1/files/large");
    put.token(token).body("application/octet-stream", vec![b'x'; SIZE]).send().expect(201);
    let mut stream = connect(&application, "GET /api/v1/files/large HTTP/1.1");
    write!(stream, "authorization: Bearer {token}\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    sleep(Duration::from_secs(45));
    let mut read = Vec::new();
    // The server may reset the connection.
    let _ = stream.read_to_end(&mut read);
    assert!(read.len() < SIZE, "{} bytes arrived", read.len());
}

#[test]
fn stalled_export_is_ended_and_frees_its_place() {
    const ROWS: i64 = 100_000;
    let world = World::get();
    let tenant = world.tenant();
    // Each row is longer than 500 bytes: the buffers of both sockets do not hold them all.
    let insert = "
        INSERT INTO tenant_audit_logs (id, tenant_id, sequence, event, severity, result,
                                       actor_type, detail, mac, created_at)
        SELECT gen_random_uuid(), $1::text::uuid, 1000000 + n, 'test.many', 'info', 'success', 'system',
               jsonb_build_object('text', repeat('x', 500)), decode(repeat('00', 32), 'hex'), now()
        FROM generate_series(1, $2::bigint) AS n";
    world.services.superuser("tenancy").execute(insert, &[&tenant.id, &ROWS]).unwrap();
    let application = world.application_with(&[]);
    let token = &tenant.admin.access_token;
    let mut stream = connect(&application, "GET /api/v1/tenant/audit/export HTTP/1.1");
    write!(stream, "authorization: Bearer {token}\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    sleep(Duration::from_secs(45));
    let other =
        Call::new(Method::GET, &application.address, "/api/v1/tenant/audit/export?event=test.none");
    assert_eq!(other.token(token).send().status, 200);
    let mut read = Vec::new();
    // The connection may be reset.
    let _ = stream.read_to_end(&mut read);
    let size = usize::try_from(ROWS).unwrap() * 500;
    assert!(!read.is_empty() && read.len() < size, "{} bytes came", read.len());
}
