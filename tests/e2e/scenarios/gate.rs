//! The gate on a real Spin: `components/gate` in front of `tests/echo`. The runner composes no components.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use e2e::{Answer, Guarded, World, free_port};
use http::Method;
use serde_json::json;

/// The rules of the application in these tests.
const RULES: &str = "
    GET /health public
    POST,PUT /public/... public
    GET,POST /notes/... tenant:read
    GET /admin/... users:write
    GET /ask tenant:read consume=ai_requests:1
    * /t/:tenant/... authenticated";

/// Starts the application with the rules of these tests and the service at an address.
fn start(tenancy: &str) -> Guarded {
    let url = format!("http://{tenancy}");
    Guarded::start(&[("tenancy_url", &url), ("tenancy_routes", RULES)])
}

/// Sends a request as it is, and returns the response until the connection ends.
fn raw(guarded: &Guarded, request: &str) -> String {
    let mut stream = TcpStream::connect(guarded.address()).unwrap();
    write!(stream, "{request}\r\nhost: app\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Asserts that the gate has refused a request with this status and code.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("x-of-application"), "", "the application has not responded");
    for member in ["type", "title", "detail"] {
        assert!(answer.json()[member].is_string(), "{member} of {}", answer.text);
    }
}

/// Returns the headers that the application has received, as lines.
#[track_caller]
fn received(answer: &Answer) -> Vec<&str> {
    assert_eq!((answer.status, answer.header("x-of-application")), (200, "yes"), "{}", answer.text);
    answer.text.lines().collect()
}

/// Starts a server that reads a request, sends these pieces with a pause between them, and keeps the connection open.
fn server(pieces: &'static [&'static str], pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                for piece in pieces {
                    if stream.write_all(piece.as_bytes()).is_err() {
                        return;
                    }
                    sleep(pause);
                }
                sleep(Duration::from_mins(1));
            });
        }
    });
    address
}

#[test]
#[ignore = "needs a real Spin"]
fn application_receives_only_verified_identity() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    let guarded = start(world.address());
    let user = tenant.user("user");
    let bearer = format!("Bearer {}", user.access_token);
    let forged = [
        ("x-tenant-id", other.id.as_str()),
        ("X_Tenant_Id", &other.id),
        ("x-tenant_slug", &other.slug),
        ("x-user-role", "admin"),
        ("x-user-role", "owner"),
        ("x-api-key-id", &other.id),
        ("x_scopes", "users:write"),
        ("x-custom", "kept"),
    ];
    let of_user = [[("authorization", bearer.as_str())].as_slice(), &forged].concat();
    let answer = guarded.get("/notes/1?a=b", &of_user);
    let lines = received(&answer);
    assert!(lines[0].ends_with(&format!("{} /notes/1?a=b", guarded.address())), "{}", lines[0]);
    let identity: Vec<_> = lines
        .iter()
        .filter(|line| line.replace('_', "-").starts_with("x-") && !line.starts_with("x-custom"))
        .copied()
        .collect();
    let expected = [
        format!("x-tenant-id: {}", tenant.id),
        format!("x-tenant-slug: {}", tenant.slug),
        format!("x-user-id: {}", user.id),
        "x-user-role: user".to_owned(),
    ];
    assert_eq!(identity[..4], expected);
    assert!(identity[4].starts_with("x-scopes: ") && identity.len() == 5, "{identity:?}");
    for kept in ["x-custom: kept".to_owned(), format!("authorization: {bearer}")] {
        assert!(lines.contains(&kept.as_str()), "{kept} is not in {lines:?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("host: 127.0.0.1")), "{lines:?}");

    // An API key has no user.
    let key = tenant.api_key(&["tenant:read"]);
    let answer = guarded.get("/notes/1", &[("x-api-key", &key), ("x-user-id", &user.id)]);
    let lines = received(&answer);
    assert!(lines.iter().any(|line| line.starts_with("x-api-key-id: ")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.starts_with("x-user")), "{lines:?}");

    // A public route has no identity, even with a credential.
    let answer = guarded.get("/health", &of_user);
    let lines = received(&answer);
    let has = |name: &str| {
        lines.iter().any(|line| line.to_lowercase().replace('_', "-").starts_with(name))
    };
    assert!(!["x-tenant", "x-user", "x-api-key-id", "x-scopes"].into_iter().any(has), "{lines:?}");
}

#[test]
#[ignore = "needs a real Spin"]
fn callers_without_right_are_refused() {
    let world = World::get();
    let (tenant, other) = (world.tenant(), world.tenant());
    // It trusts the gate, so that it compares the host of the application.
    let tenancy = world.application_with(&[("TRUSTED_PROXIES", "127.0.0.1")]);
    let guarded = start(&tenancy.address);
    let key = tenant.api_key(&["tenant:read"]);
    let own = ("x-api-key", key.as_str());

    let nobody = guarded.get("/notes", &[("origin", "https://app.example.com")]);
    assert_refused(&nobody, 401, "authentication_required");
    assert_ne!(nobody.header("www-authenticate"), "");
    // A page of an allowed origin can read the status.
    assert_eq!(nobody.header("access-control-allow-origin"), "https://app.example.com");
    let invalid = guarded.get("/notes", &[("authorization", "Bearer nonsense")]);
    assert_refused(&invalid, 401, "invalid_token");
    assert_refused(&guarded.get("/notes", &[own, own]), 400, "invalid_header");
    assert_refused(&guarded.get("/admin", &[own]), 403, "forbidden");
    assert_refused(&guarded.get("/nothing", &[own]), 404, "route_not_found");
    assert_refused(&guarded.call(Method::DELETE, "/notes", &[own]), 404, "route_not_found");

    // The header, the path and the host can only confirm the tenant of the credential.
    let hosts = [&tenant, &other].map(|tenant| format!("{}.saas.example", tenant.slug));
    received(&guarded.get("/notes", &[own, ("x-tenant-slug", &tenant.slug), ("host", &hosts[0])]));
    received(&guarded.get(&format!("/t/{}/notes", tenant.slug), &[own]));
    for refused in [
        guarded.get("/notes", &[own, ("x-tenant-slug", &other.slug)]),
        guarded.get("/notes", &[own, ("host", &hosts[1])]),
        guarded.get("/notes", &[own, ("host", &hosts[1]), ("x-forwarded-host", &hosts[0])]),
        guarded.get(&format!("/t/{}/notes", other.slug), &[own]),
        guarded.get(&format!("/t/{}/notes", other.slug), &[own, ("x-tenant-slug", &tenant.slug)]),
        guarded.get("/t/a%3Fb/notes", &[own]),
        guarded.get(
            "/notes",
            &[own, ("authorization", &format!("Bearer {}", other.admin.access_token))],
        ),
    ] {
        assert_refused(&refused, 403, "tenant_mismatch");
    }

    // Paths that the application could read in another way.
    for path in [
        "/health/../admin",
        "/health/%2e%2e/admin",
        "//admin",
        "/health%2f..%2fadmin",
        "/health\\..\\admin",
    ] {
        let response = raw(&guarded, &format!("GET {path} HTTP/1.1"));
        assert!(response.starts_with("HTTP/1.1 400"), "{path}: {response}");
        assert!(!response.contains("x-of-application"), "{path}: {response}");
    }

    // A revocation takes effect on the next request.
    let created = tenant.create_api_key(&json!({ "name": "short", "scopes": ["tenant:read"] }));
    let short = ("x-api-key", created["api_key"].as_str().unwrap());
    received(&guarded.get("/notes", &[short]));
    let path = format!("/api/v1/api-keys/{}", created["id"].as_str().unwrap());
    let revoked = tenant.delete(&path).token(&tenant.admin.access_token).send();
    assert_eq!(revoked.status, 204, "{}", revoked.text);
    assert_refused(&guarded.get("/notes", &[short]), 401, "invalid_api_key");
}

#[test]
#[ignore = "needs a real Spin"]
fn preflight_reaches_application_without_identity() {
    let guarded = start("127.0.0.1:1");
    let preflight = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("x-tenant-id", "forged"),
    ];
    let answer = guarded.call(Method::OPTIONS, "/notes", &preflight);
    assert!(
        !received(&answer).iter().any(|line| line.starts_with("x-tenant-id")),
        "{}",
        answer.text
    );
    assert_refused(&guarded.call(Method::OPTIONS, "/nothing", &preflight), 404, "route_not_found");
    assert_refused(
        &guarded.call(Method::OPTIONS, "/notes", &preflight[..1]),
        404,
        "route_not_found",
    );
    assert_refused(&guarded.call(Method::POST, "/notes", &preflight), 503, "unavailable");
}

#[test]
#[ignore = "needs a real Spin"]
fn exhausted_quota_returns_429() {
    let world = World::get();
    let tenant = world.tenant();
    tenant.limit(&json!({ "ai_requests": 2 }));
    let gateway = tenant.api_key(&["usage:write"]);
    let url = format!("http://{}", world.address());
    let variables = [
        ("tenancy_url", url.as_str()),
        ("tenancy_routes", RULES),
        ("tenancy_gateway_key", &gateway),
    ];
    let guarded = Guarded::start(&variables);
    let bearer = format!("Bearer {}", tenant.user("user").access_token);
    let user = ("authorization", bearer.as_str());
    for _ in 0..2 {
        let answer = guarded.get("/ask", &[user, ("x-gateway-key", "forged")]);
        assert!(!answer.text.contains(&gateway), "the application does not see the key");
        received(&answer);
    }
    let refused = guarded.get("/ask", &[user]);
    assert_refused(&refused, 429, "quota_exceeded");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|wait| wait <= 86_400));
    received(&guarded.get("/notes", &[user]));
    assert_eq!(tenant.used("ai_requests")["current_usage"], 2);

    // An operator key serves all tenants.
    let operator = world.operator_key(&["tenant_usage:write"]);
    let with_key = |key: &str| {
        Guarded::start(&[
            ("tenancy_url", url.as_str()),
            ("tenancy_routes", RULES),
            ("tenancy_gateway_key", key),
        ])
    };
    let shared = with_key(&operator.text);
    for tenant in [world.tenant(), world.tenant()] {
        let bearer = format!("Bearer {}", tenant.user("user").access_token);
        received(&shared.get("/ask", &[("authorization", bearer.as_str())]));
        assert_eq!(tenant.used("ai_requests")["current_usage"], 1);
    }
    // An invalid key is a mistake of the operator, and not of the caller.
    let mistaken = with_key("ldx_mistyped");
    assert_refused(&mistaken.get("/ask", &[user]), 503, "misconfigured");
    assert!(mistaken.log().contains("tenancy_gateway_key"), "{}", mistaken.log());
    received(&mistaken.get("/notes", &[user]));

    // Without the key, only a caller with `usage:write` can take units.
    let without = start(world.address());
    assert_refused(&without.get("/ask", &[user]), 403, "forbidden");
}

#[test]
#[ignore = "needs a real Spin"]
fn gate_fails_closed_without_tenancy() {
    let credential = [("authorization", "Bearer any")];
    let refused = |guarded: &Guarded, logged: &str| {
        let begin = Instant::now();
        let answer = guarded.get("/notes", &credential);
        assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
        assert_refused(&answer, 503, "unavailable");
        assert_ne!(answer.header("retry-after"), "");
        assert!(guarded.log().contains(logged), "{logged} is not in {}", guarded.log());
        // A public route needs no Tenancy.
        received(&guarded.get("/health", &[]));
    };
    refused(&start(&format!("127.0.0.1:{}", free_port())), "Tenancy is unavailable");
    refused(&start(&server(&[], Duration::ZERO)), "Tenancy is unavailable");
    let dribbling = server(
        &[
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 9\r\n\r\n",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "8",
            "9",
        ],
        Duration::from_millis(900),
    );
    refused(&start(&dribbling), "too slow");
    let other = server(&["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"], Duration::ZERO);
    refused(&start(&other), "no complete identity");
    let redirect = server(
        &["HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1\r\ncontent-length: 0\r\n\r\n"],
        Duration::ZERO,
    );
    refused(&start(&redirect), "not a response of Tenancy");
    let url = format!("http://{}", World::get().address());
    let variables = [("tenancy_url", url.as_str()), ("tenancy_routes", RULES)];
    let inherited = r#"["allowed_outbound_hosts", "variables"]"#;
    let elsewhere = Guarded::start_inheriting(&variables, inherited, "http://elsewhere.example");
    refused(&elsewhere, "allowed_outbound_hosts");
}

#[test]
#[ignore = "needs a real Spin"]
fn invalid_configuration_is_reported() {
    let refused = |variables: &[(&str, &str)], variable: &str, logged: &str| {
        let guarded = Guarded::start(variables);
        for path in ["/health", "/notes"] {
            let answer = guarded.get(path, &[]);
            assert_refused(&answer, 503, "misconfigured");
            assert!(answer.text.contains(&format!("`{variable}`")), "{}", answer.text);
        }
        assert!(guarded.log().contains(logged), "{logged} is not in {}", guarded.log());
    };
    let url = ("tenancy_url", "http://127.0.0.1:1");
    refused(&[("tenancy_routes", RULES)], "tenancy_url", "is missing");
    refused(&[url], "tenancy_routes", "is missing");
    refused(
        &[("tenancy_url", "tenancy"), ("tenancy_routes", RULES)],
        "tenancy_url",
        "is not a URL",
    );
    refused(&[url, ("tenancy_routes", "GET /health")], "tenancy_routes", "rule 1");

    let world = World::get();
    let address = format!("http://{}", world.address());
    let key = world.tenant().api_key(&["tenant:read", "usage:write"]);
    let wrong = "GET / tenant:read consume=storage:1; GET /other tenant:reads";
    let guarded = Guarded::start(&[("tenancy_url", &address), ("tenancy_routes", wrong)]);
    assert_refused(&guarded.get("/", &[("x-api-key", &key)]), 503, "misconfigured");
    assert!(guarded.log().contains("consume"), "{}", guarded.log());
    assert_refused(&guarded.get("/other", &[("x-api-key", &key)]), 403, "forbidden");

    // A gate that inherits nothing can read no variable.
    let variables = [url, ("tenancy_routes", RULES)];
    let bare = Guarded::start_inheriting(&variables, "false", "http://127.0.0.1:*");
    assert_refused(&bare.get("/health", &[]), 503, "misconfigured");
    assert!(bare.log().contains("inherit_configuration"), "{}", bare.log());
    // A gate without outbound hosts cannot ask. The request does not reach the application.
    let mute = Guarded::start_inheriting(&variables, "[\"variables\"]", "http://127.0.0.1:*");
    let answer = mute.get("/notes", &[("x-api-key", &key)]);
    assert!(
        answer.status >= 500 && answer.header("x-of-application").is_empty(),
        "{}",
        answer.text
    );
}

/// Reads from a stream until `text` contains the end.
fn read_until(stream: &mut TcpStream, text: &mut Vec<u8>, end: &[u8]) {
    let mut piece = vec![0; 64 * 1024];
    while !text.windows(end.len()).any(|window| window == end) {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "{:?}", String::from_utf8_lossy(text));
        text.extend_from_slice(&piece[..length]);
    }
}

#[test]
#[ignore = "needs a real Spin"]
fn bodies_are_streamed_in_both_directions() {
    let world = World::get();
    let guarded = start(world.address());
    let key = world.tenant().api_key(&["tenant:read"]);
    let open = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(guarded.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: app\r\nx-api-key: {key}\r\n{headers}\r\n\r\n"
        )
        .unwrap();
        stream
    };
    // The first piece comes back before the second one is sent.
    for path in ["/notes", "/public/a"] {
        let mut stream = open(path, "transfer-encoding: chunked");
        let mut read = Vec::new();
        for piece in ["first", "second", "third"] {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
            read_until(&mut stream, &mut read, piece.as_bytes());
            sleep(Duration::from_millis(300));
        }
        write!(stream, "0\r\n\r\n").unwrap();
        read_until(&mut stream, &mut read, b"\r\n0\r\n\r\n");
        assert!(read.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&read));
    }
    // A large body from a slow sender arrives unchanged.
    let body: Vec<u8> = (0..8u32 << 20).map(|at| (at % 251) as u8).collect();
    let mut stream =
        open("/notes", &format!("connection: close\r\ncontent-length: {}", body.len()));
    let mut reader = stream.try_clone().unwrap();
    let sent = body.clone();
    let sender = spawn(move || {
        for piece in sent.chunks(1 << 20) {
            stream.write_all(piece).unwrap();
            sleep(Duration::from_millis(100));
        }
        stream
    });
    let mut response = Vec::new();
    reader.read_to_end(&mut response).unwrap();
    sender.join().unwrap();
    let start = response.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&response[..start]).to_lowercase();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    assert!(response[start..] == body, "{} bytes", response.len() - start);
    // A refused upload is not read.
    let mut refused = open("/admin", "content-length: 100000000");
    let mut read = Vec::new();
    read_until(&mut refused, &mut read, b"\r\n\r\n");
    assert!(read.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&read));
}
