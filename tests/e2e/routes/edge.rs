//! Common behavior of all routes: bodies, headers, unknown paths, methods, CORS.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use e2e::{Call, World};
use http::Method;
use serde_json::json;

const LOGIN: &str = "/api/v1/auth/login";

fn login(content_type: &str, body: impl Into<Vec<u8>>) -> Call {
    World::get().call(Method::POST, LOGIN).slug("some-tenant").body(content_type, body)
}

// S27
#[test]
fn invalid_json_body_returns_400() {
    for body in [
        "",
        "{",
        "nonsense",
        "[]",
        "\"text\"",
        "null",
        "{\"a\": 1e999}",
        "{'a': 1}",
        "{\"a\":\"\u{1}\"}",
        "{\"email\": \"\\ud800\"}",
    ] {
        login("application/json", body).send().expect_problem(400, "invalid_json");
    }
    login("application/json", vec![b'{', 0xff, b'}']).send().expect_problem(400, "invalid_json");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(20), "]".repeat(20));
    login("application/json", deep).send().expect_problem(400, "invalid_json");
    let deepest = format!("{{\"a\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    login("application/json", deepest).send().expect_problem(400, "invalid_json");
}

// S27
#[test]
fn duplicate_member_returns_422() {
    let body = r#"{"email": "a@b.example", "password": "x", "email": "c@d.example"}"#;
    assert_eq!(login("application/json", body).send().expect_invalid(), ["email"]);
}

// S27
#[test]
fn unsupported_content_type_returns_415() {
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
    {
        login(content_type, "{}").send().expect_problem(415, "unsupported_media_type");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        login(content_type, "{}").send().expect_problem(422, "validation_failed");
    }
}

// S27
#[test]
fn oversized_body_returns_413() {
    let large = json!({ "email": "x".repeat(70_000) }).to_string();
    login("application/json", large.clone()).send().expect_problem(413, "body_too_large");
    // A chunked body does not announce its length.
    let mut stream = TcpStream::connect(World::get().address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "POST {LOGIN} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         x-tenant-slug: some-tenant\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n",
        large.len()
    );
    // The end of the body is never sent, so the response must not wait for it.
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

#[test]
fn unknown_path_returns_404() {
    let world = World::get();
    for path in [
        "/nothing",
        "/health/",
        "/Health",
        "/api",
        "/api/v1",
        "/api/v1/users/x/y",
        "/api/v1/auth",
        "/api/v1/tenant/nothing",
        "//health",
        "/health//detailed",
        "/api/v2/profile",
        "/.well-known/nothing",
        "/%2e%2e/admin/tenants",
        "/t/acme/health",
        "/t/acme",
        "/tenant/acme/profile",
        "/tenant/acme/admin/tenants",
        "/t/acme/openapi.json",
    ] {
        world.get_path(path).send().expect_problem(404, "route_not_found");
    }
}

#[test]
fn unsupported_method_returns_405_with_allow() {
    let world = World::get();
    for (method, path, allow) in [
        (Method::DELETE, "/health", "GET, HEAD, OPTIONS"),
        (Method::GET, LOGIN, "OPTIONS, POST"),
        (Method::PUT, "/api/v1/users", "GET, HEAD, OPTIONS, POST"),
        (Method::PUT, "/api/v1/profile", "GET, HEAD, OPTIONS, PATCH"),
        (Method::from_bytes(b"BREW").unwrap(), "/health", "GET, HEAD, OPTIONS"),
    ] {
        let answer = world.call(method, path).send();
        answer.expect_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allow);
    }
    let answer = world.admin(Method::DELETE, "/admin/tenants").send();
    answer.expect_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS, POST");
    let options = world.call(Method::OPTIONS, LOGIN).send();
    assert_eq!((options.status, options.header("allow")), (204, "OPTIONS, POST"));
}

#[test]
fn head_returns_headers_of_get() {
    let world = World::get();
    let (get, head) =
        (world.get_path("/health").send(), world.call(Method::HEAD, "/health").send());
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.text.len().to_string());
}

#[test]
fn responses_have_request_id() {
    let world = World::get();
    let given = world.get_path("/nothing").header("x-request-id", "my-request.1").send();
    let problem = given.expect_problem(404, "route_not_found");
    assert_eq!(problem["request_id"], "my-request.1");
    // S38
    for bad in ["a b", "<script>", &"x".repeat(129), "\u{e4}"] {
        let made = world.get_path("/health").header("x-request-id", bad).send();
        assert_eq!(made.header("x-request-id").len(), 36, "{bad}");
    }
}

// S32
#[test]
fn responses_have_security_headers() {
    let world = World::get();
    for path in ["/health", "/nothing", "/admin/tenants", "/api/v1/profile"] {
        let answer = world.get_path(path).send();
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
    }
}

// S33
#[test]
fn cors_allows_only_configured_origins() {
    let world = World::get();
    let origin = |origin: &str| world.get_path("/health").header("origin", origin).send();
    let allowed = origin("https://app.example.com");
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    assert_eq!(allowed.header("vary"), "origin");
    for other in ["https://evil.example", "null", "https://app.example.com.evil.example", "*"] {
        let answer = origin(other);
        assert_eq!(answer.header("access-control-allow-origin"), "", "{other}");
        assert_eq!(answer.header("vary"), "origin");
    }
    let preflight = world
        .call(Method::OPTIONS, LOGIN)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-tenant-slug")
        .send();
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert!(preflight.header("access-control-allow-headers").contains("x-tenant-slug"));
    let preflight = world
        .call(Method::OPTIONS, LOGIN)
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "baggage, sentry-trace, x-forwarded-for")
        .send();
    assert_eq!(preflight.header("access-control-allow-headers"), "baggage, sentry-trace");
    assert_eq!(preflight.header("vary"), "origin, access-control-request-headers");
}

#[test]
fn compressed_body_returns_415() {
    for coding in ["gzip", "br", "identity, GZIP"] {
        let coded = login("application/json", vec![0x1f, 0x8b, 8, 0]);
        let refused = coded.header("content-encoding", coding).send();
        refused.expect_problem(415, "unsupported_content_coding");
        assert_eq!(refused.header("accept-encoding"), "identity");
    }
    let plain = login("application/json", "{}").header("content-encoding", "identity").send();
    plain.expect_problem(422, "validation_failed");
}

/// Spin enables Nagle's algorithm, so a response in two segments would wait 40 ms for the acknowledgement of the
/// client.
#[test]
fn response_is_sent_in_one_segment() {
    let world = World::get();
    let tenant = world.tenant();
    let mut stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut whole = 0;
    for _ in 0..40 {
        write!(
            stream,
            "GET /api/v1/tenant/info HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
            tenant.admin.access_token
        )
        .unwrap();
        let mut answer = Vec::new();
        let mut reads = 0;
        let expected = loop {
            let mut buffer = [0; 8_192];
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the connection is kept alive");
            answer.extend_from_slice(&buffer[..length]);
            reads += 1;
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            assert!(!head.contains("transfer-encoding"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("the length is set").parse().unwrap();
            if body.len() == length {
                break head.len() + 4 + length;
            }
        };
        assert_eq!(answer.len(), expected);
        whole += usize::from(reads == 1);
    }
    // A split response would be split every time. On a busy machine, some reads may return only a part.
    assert!(whole >= 20, "{whole} of 40 responses arrived in one segment");
}
