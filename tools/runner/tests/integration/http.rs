//! Routes, headers and hosts.

use serde_json::Value;

use crate::support::{App, Config};

fn start() -> App {
    Config::new(
        r#"
        [[trigger.http]]
        route = "/a/:user_id/..."
        component = "a"
        [[trigger.http]]
        route = "/a/fixed"
        component = "b"
        [[trigger.http]]
        route = "/b"
        component = "b"
        [[trigger.http]]
        route = "/moved"
        static_response = { status_code = 302, headers = { location = "/b" }, body = "there" }
        [[trigger.http]]
        route = { private = true }
        component = "a"
        [component.a]
        source = "GUEST"
        environment = { NAME = "a" }
        [component.b]
        source = "GUEST"
        environment = { NAME = "b" }
        "#,
    )
    .start()
}

/// Returns the values of the header `name` that the guest received.
fn received(body: &str, name: &str) -> Vec<String> {
    let request: Value = serde_json::from_str(body).unwrap();
    let headers = request["headers"].as_array().unwrap();
    headers
        .iter()
        .filter(|header| header[0] == name)
        .map(|header| header[1].as_str().unwrap().to_owned())
        .collect()
}

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").into_bytes()
}

#[test]
fn path_selects_component() {
    let app = start();
    for (path, name) in
        [("/a/1", "a"), ("/a/1/x/y", "a"), ("/a/fixed", "b"), ("/b", "b"), ("/b/", "b")]
    {
        let body = app.get(&format!("{path}?do=environment")).body;
        assert_eq!(body, format!("[(\"NAME\", \"{name}\")]"), "{path}");
    }
}

#[test]
fn missing_route_returns_404() {
    let app = start();
    for path in ["/", "/a", "/b/c", "/B", "/.well-known/spin", "/.well-known/spin/other"] {
        let response = app.get(path);
        assert_eq!((response.status, response.body.as_str()), (404, ""), "{path}");
    }
}

#[test]
fn host_serves_well_known_paths() {
    let app = start();
    assert_eq!(app.get("/.well-known/spin/health").body, "OK");

    let info = app.get("/.well-known/spin/info");
    assert_eq!(info.header("content-type"), Some("application/json"));
    let info: Value = serde_json::from_str(&info.body).unwrap();
    assert_eq!(info, serde_json::json!({ "name": "test", "version": "1.2.3" }));

    let moved = app.get("/moved?x");
    assert_eq!((moved.status, moved.body.as_str()), (302, "there"));
    assert_eq!(moved.header("location"), Some("/b"));
}

#[test]
fn component_receives_request_headers() {
    let app = start();
    let response = app.send(&get("/a/7/x/?do=request&q=1", "host: example.com:1\r\n")).unwrap();
    for (name, value) in [
        ("spin-path-info", "/x/"),
        ("spin-full-url", "http://example.com:1/a/7/x/?do=request&q=1"),
        ("spin-matched-route", "/a/:user_id/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/a/:user_id/..."),
        ("spin-component-route", "/a/:user_id"),
        ("spin-path-match-user-id", "7"),
        ("host", "example.com:1"),
    ] {
        assert_eq!(received(&response.body, name), [value], "{name}");
    }
    let client = received(&response.body, "spin-client-addr");
    assert!(client[0].starts_with("127.0.0.1:"), "{client:?}");
    let request: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(request["uri"], "http://example.com:1/a/7/x/?do=request&q=1");
}

/// Spin appends its own headers to those of the client, so a component must use the last of them.
#[test]
fn client_cannot_replace_host_headers() {
    let app = start();
    let own = "host: x\r\nspin-path-info: mine\r\nspin-client-addr: 1.2.3.4:5\r\n";
    let body = app.send(&get("/a/7/x?do=request", own)).unwrap().body;
    assert_eq!(received(&body, "spin-path-info"), ["mine", "/x"]);
    let clients = received(&body, "spin-client-addr");
    assert_eq!(clients[0], "1.2.3.4:5");
    assert!(clients[1].starts_with("127.0.0.1:"));
}

#[test]
fn connection_headers_are_not_forwarded() {
    let app = start();
    let body = app.send(&get("/b?do=request", "host: x\r\nx-own: 1\r\n")).unwrap().body;
    assert_eq!(received(&body, "connection"), Vec::<String>::new());
    assert_eq!(received(&body, "x-own"), ["1"]);
}

#[test]
fn bodies_are_streamed_both_ways() {
    let app = start();
    let body = "x".repeat(200_000);
    let request: Value = serde_json::from_str(&app.post("/b?do=request", &body).body).unwrap();
    assert_eq!(request["method"], "POST");
    assert_eq!(request["body"], body);
}

#[test]
fn ambiguous_host_gets_no_response() {
    let app = start();
    for (path, headers) in [
        ("/b", ""),
        ("/b", "host: \r\n"),
        ("/b", "host: a b\r\n"),
        ("http://x/b", "host: y\r\n"),
        // The name for calls between components is treated as no host.
        ("/b", "host: a.spin.internal\r\n"),
    ] {
        assert!(app.send(&get(path, headers)).is_none(), "{path} {headers:?}");
    }
    let body = app.send(&get("http://x/b?do=request", "")).unwrap().body;
    assert_eq!(received(&body, "spin-full-url"), ["http://localhost/b?do=request"]);
    // Without a component there is no check.
    assert_eq!(app.send(&get("/none", "")).unwrap().status, 404);
    assert_eq!(app.send(&get("/.well-known/spin/health", "")).unwrap().status, 200);
}

#[test]
fn non_utf8_header_is_an_error() {
    let app = start();
    let mut request = b"GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: ".to_vec();
    request.extend(b"\xff\r\n\r\n");
    let response = app.send(&request).unwrap();
    assert_eq!((response.status, response.body.as_str()), (500, ""));
}
