//! `/api/v1/files`: conditional requests and ranges (RFC 9110, sections 13 and 14).

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use e2e::{Answer, Call, TestTenant, World};
use http::Method;

const PATH: &str = "/api/v1/files/f";
const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const FUTURE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";
/// The size of a chunk in bytes.
const CHUNK: usize = 256 * 1024;

fn call(tenant: &TestTenant, method: Method, headers: &[(&str, &str)]) -> Call {
    let call = World::get().call(method, PATH).slug(&tenant.slug).token(&tenant.admin.access_token);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

fn get(tenant: &TestTenant, headers: &[(&str, &str)]) -> Answer {
    call(tenant, Method::GET, headers).send()
}

fn put(tenant: &TestTenant, text: &str, headers: &[(&str, &str)]) -> Answer {
    call(tenant, Method::PUT, headers).body("text/plain", text).send()
}

fn delete(tenant: &TestTenant, headers: &[(&str, &str)]) -> Answer {
    call(tenant, Method::DELETE, headers).send()
}

#[test]
fn head_ignores_ranges() {
    let tenant = World::get().tenant();
    put(&tenant, "0123456789", &[]).expect(201);
    for range in ["bytes=0-1", "bytes=99-"] {
        let head = call(&tenant, Method::HEAD, &[("range", range)]).send();
        assert_eq!((head.status, head.header("content-length")), (200, "10"), "{range}");
        assert_eq!(head.header("content-range"), "");
    }
}

#[test]
fn changes_compare_all_listed_tags() {
    let tenant = World::get().tenant();
    let tag = put(&tenant, "one", &[]).header("etag").to_owned();
    let weak = format!("W/{tag}");
    for tags in [&["\"a,*,b\""][..], &["\"*\""], &[&weak], &["\"x\"", "\"y\""]] {
        let headers: Vec<_> = tags.iter().map(|tag| ("if-match", *tag)).collect();
        put(&tenant, "two", &headers).expect_problem(412, "precondition_failed");
        delete(&tenant, &headers).expect_problem(412, "precondition_failed");
        get(&tenant, &headers).expect_problem(412, "precondition_failed");
    }
    for tags in [&["*"][..], &[&weak], &["\"x\"", &tag]] {
        let headers: Vec<_> = tags.iter().map(|tag| ("if-none-match", *tag)).collect();
        put(&tenant, "two", &headers).expect_problem(412, "precondition_failed");
        delete(&tenant, &headers).expect_problem(412, "precondition_failed");
        assert_eq!(get(&tenant, &headers).status, 304);
    }
    for malformed in ["abc", "*, \"x\"", "\"abc"] {
        let refused = put(&tenant, "two", &[("if-none-match", malformed)]);
        let refused = refused.expect_problem(400, "invalid_header");
        assert!(refused["detail"].as_str().unwrap().contains("if-none-match"), "{refused}");
        put(&tenant, "two", &[("if-match", malformed)]).expect_problem(412, "precondition_failed");
    }
    assert_eq!(get(&tenant, &[]).text, "one");
    let second = put(&tenant, "two", &[("if-match", "\"x\""), ("if-match", &tag)]);
    let tag = second.expect(200)["etag"].as_str().unwrap().to_owned();
    assert_eq!(delete(&tenant, &[("if-match", &tag)]).status, 204);
    // Without the condition the response would be 404, so the condition is ignored (RFC 9110, section 13.2.1).
    delete(&tenant, &[("if-match", &tag)]).expect_problem(404, "file_not_found");
}

#[test]
fn newer_file_is_not_overwritten() {
    let tenant = World::get().tenant();
    let since = |date: &'static str| [("if-unmodified-since", date)];
    put(&tenant, "one", &since(OLD)).expect(201);
    put(&tenant, "two", &since(OLD)).expect_problem(412, "precondition_failed");
    delete(&tenant, &since(OLD)).expect_problem(412, "precondition_failed");
    get(&tenant, &since(OLD)).expect_problem(412, "precondition_failed");
    assert_eq!(get(&tenant, &[]).text, "one");
    let modified = get(&tenant, &[]).header("last-modified").to_owned();
    put(&tenant, "two", &[("if-unmodified-since", &modified)]).expect(200);
    put(&tenant, "three", &since("yesterday")).expect(200);
    let tag = put(&tenant, "four", &since(FUTURE)).header("etag").to_owned();
    // `If-Match` takes precedence over a date.
    let with_tag = [("if-unmodified-since", OLD), ("if-match", tag.as_str())];
    assert_eq!(delete(&tenant, &with_tag).status, 204);
}

#[test]
fn unmodified_file_returns_304() {
    let tenant = World::get().tenant();
    let created = put(&tenant, "one", &[]);
    let modified = created.header("last-modified").to_owned();
    for (date, status) in [(modified.as_str(), 304), (FUTURE, 304), (OLD, 200), ("nonsense", 200)] {
        let got = get(&tenant, &[("if-modified-since", date)]);
        assert_eq!(got.status, status, "{date}");
        assert_eq!(got.header("etag"), created.header("etag"));
        let head = call(&tenant, Method::HEAD, &[("if-modified-since", date)]).send();
        assert_eq!(head.status, status, "{date}");
    }
    let both = [("if-modified-since", FUTURE), ("if-none-match", "\"x\"")];
    assert_eq!(get(&tenant, &both).status, 200);
    let part =
        |if_range: &str| get(&tenant, &[("range", "bytes=0-0"), ("if-range", if_range)]).status;
    assert_eq!((part(&modified), part(OLD), part(FUTURE)), (206, 200, 200));
    assert_eq!(part(&format!("W/{}", created.header("etag"))), 200);
}

#[test]
fn failed_condition_is_reported_before_upload() {
    let tenant = World::get().tenant();
    put(&tenant, "one", &[]).expect(201);
    for condition in ["if-none-match: *", "if-match: \"x\"", &format!("if-unmodified-since: {OLD}")]
    {
        let mut stream = TcpStream::connect(World::get().address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let token = &tenant.admin.access_token;
        write!(
            stream,
            "PUT {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{condition}\r\n\
             content-length: 1000000\r\n\r\n"
        )
        .unwrap();
        let begin = Instant::now();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 412", "{condition}");
        assert!(begin.elapsed().as_secs() < 20);
    }
}

#[test]
fn range_unit_is_case_insensitive() {
    let tenant = World::get().tenant();
    put(&tenant, "0123456789", &[]).expect(201);
    for range in ["Bytes=2-4", "BYTES=2-4", "bytes=,2-4"] {
        let part = get(&tenant, &[("range", range)]);
        assert_eq!((part.status, part.text.as_str()), (206, "234"), "{range}");
    }
    assert_eq!(get(&tenant, &[("range", "bytes=0-1"), ("range", "bytes=2-3")]).status, 200);
    put(&tenant, "", &[]).expect(200);
    for range in ["bytes=0-", "bytes=0-0", "bytes=-0"] {
        let none = get(&tenant, &[("range", range)]);
        none.expect_problem(416, "range_not_satisfiable");
        assert_eq!(none.header("content-range"), "bytes */0");
    }
    for range in ["bytes=-5", "lines=0-1"] {
        let whole = get(&tenant, &[("range", range)]);
        assert_eq!((whole.status, whole.header("content-length")), (200, "0"), "{range}");
    }
}

#[test]
fn range_above_4_gib_is_served() {
    let world = World::get();
    let tenant = world.tenant();
    put(&tenant, &"0123456789".repeat(CHUNK / 5), &[]).expect(201);
    let mut database = world.services.superuser(&tenant.database());
    database.execute("UPDATE files SET size = 5368709120, chunk_count = 20480", &[]).unwrap();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let token = &tenant.admin.access_token;
    write!(
        stream,
        "GET {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nrange: bytes=1-4294967295\r\n\r\n"
    )
    .unwrap();
    let mut answer = [0; 4_096];
    stream.read_exact(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 206"), "{head}");
    assert!(head.contains("content-range: bytes 1-4294967295/5368709120"), "{head}");
    assert!(head.contains("content-length: 4294967295"), "{head}");
    assert!(body.starts_with("1234567890"), "{body}");
}

#[test]
fn compressed_upload_returns_415() {
    let world = World::get();
    let tenant = world.tenant();
    for path in [PATH, "/api/v1/cache/k"] {
        let put = |coding: &str| {
            let call = tenant.put(path, "x").token(&tenant.admin.access_token);
            call.header("content-encoding", coding).send()
        };
        let refused = put("gzip");
        refused.expect_problem(415, "unsupported_content_coding");
        assert_eq!(refused.header("accept-encoding"), "identity");
        assert_eq!(put("identity").status, 201, "{path}");
    }
}
