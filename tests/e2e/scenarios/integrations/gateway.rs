//! nginx as a gateway in front of a service.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use e2e::{World, free_port, root, unique};
use http::Method;
use serde_json::{Value, json};

use super::Program;

/// Starts nginx with the example's configuration, adapted to the addresses of this run.
fn nginx(ai_service: &Program, gateway_key: &str) -> Program {
    nginx_before(&ai_service.address, gateway_key)
}

fn nginx_before(service: &str, gateway_key: &str) -> Program {
    let port = free_port();
    let folder = World::get().services.folder().join(unique("nginx"));
    fs::create_dir(&folder).unwrap();
    let config = fs::read_to_string(root().join("examples/ai-service/nginx.conf")).unwrap();
    let mut run = config.clone();
    for (written, here) in [
        ("127.0.0.1:8002", World::get().address()),
        ("127.0.0.1:9001", service),
        ("ldx_live_of_the_tenant", gateway_key),
        ("127.0.0.1:8080", &format!("127.0.0.1:{port}")),
    ] {
        assert!(run.contains(written), "{written}");
        run = run.replace(written, here);
    }
    fs::write(folder.join("nginx.conf"), run).unwrap();
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let mut command = Command::new("nginx");
    command.env("PATH", path).arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "stderr"]);
    Program::start(command, port)
}

#[test]
fn ai_service_trusts_only_gateway_identity() {
    let world = World::get();
    let tenant = world.tenant();
    let service = Program::python("ai-service/ai.py");
    let gateway = nginx(&service, &tenant.api_key(&["usage:write"]));
    let ask = || gateway.call(Method::POST, "/complete").body("text/plain", "abc");
    let user = tenant.user("viewer");
    let told = ask().token(&user.access_token).send().expect(200);
    let expected = json!({
        "tenant": tenant.slug, "user": user.id, "completion": "cba", "has_credential": false,
    });
    assert_eq!(told, expected);
    // Identity headers from the client are not forwarded.
    let key = tenant.api_key(&["tenant:read"]);
    let forged = ask().header("x-api-key", &key).header("x-user-id", "somebody").send().expect(200);
    assert_eq!((&forged["user"], &forged["tenant"]), (&Value::Null, &json!(tenant.slug)));
    let nobody = ask().send();
    assert_eq!(nobody.status, 401);
    // S6
    assert!(nobody.header("www-authenticate").starts_with("Bearer"), "{nobody:?}");
    assert_eq!(nobody.json()["code"], "authentication_required", "{nobody:?}");
    assert_eq!(nobody.headers.get_all("www-authenticate").iter().count(), 1, "{nobody:?}");
    assert_eq!(ask().token("nonsense").send().expect(401)["code"], "invalid_token");
    let no_scope = ask().header("x-api-key", &tenant.api_key(&[])).send();
    assert_eq!(no_scope.expect(403)["code"], "forbidden");
    assert_eq!(no_scope.header("content-type"), "application/problem+json");
    assert_eq!(ask().token(&user.access_token).slug("another").send().status, 403);
    // The host names the tenant. The host of another tenant is rejected.
    let host = format!("{}.saas.example", tenant.slug);
    assert_eq!(ask().header("host", &host).token(&user.access_token).send().status, 200);
    let other = format!("{}.saas.example", world.tenant().slug);
    assert_eq!(ask().header("host", &other).token(&user.access_token).send().status, 403);
    // Three requests were consumed, and one remains.
    let limits = json!({ "limits": { "ai_requests": 4 } });
    let path = format!("/admin/tenants/{}", tenant.id);
    world.admin(Method::PATCH, &path).json(&limits).send().expect(200);
    ask().token(&user.access_token).send().expect(200);
    let refused = ask().token(&user.access_token).send();
    assert_eq!(refused.expect(429)["code"], "rate_limited");
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait));
}

#[test]
fn wrong_key_of_a_gateway_is_no_fault_of_the_caller() {
    let world = World::get();
    let tenant = world.tenant();
    let user = tenant.user("viewer");
    let foreign = world.tenant().api_key(&["usage:write"]);
    for key in [foreign.as_str(), &tenant.api_key(&["tenant:read"]), "ldx_live_mistyped"] {
        let ai_service = Program::python("ai-service/ai.py");
        let gateway = nginx(&ai_service, key);
        let asked = gateway.call(Method::POST, "/complete").body("text/plain", "abc");
        let keys = json!({ (tenant.slug.as_str()): key });
        let environment = [("GATEWAY_KEYS", keys.to_string())];
        let service = Program::python_with("research-service/research.py", &environment);
        let question = json!({ "question": "why?" });
        let researched = service.call(Method::POST, "/research").json(&question);
        for call in [asked, researched] {
            let refused = call.token(&user.access_token).send();
            assert_eq!(refused.status, 503, "{key}: {refused:?}");
            assert_eq!(refused.header("www-authenticate"), "", "{key}");
            assert!(!refused.text.contains("X-Gateway-Key"), "{}", refused.text);
        }
        // Requests without a price need no key.
        service.call(Method::GET, "/research").token(&user.access_token).send().expect(200);
    }
    tenant.get("/api/v1/profile").token(&user.access_token).send().expect(200);
}

#[test]
fn preflight_passes_gateway_without_identity() {
    let service = Program::python("ai-service/ai.py");
    let gateway = nginx(&service, "ldx_live_unused");
    let options = || {
        let call = gateway.call(Method::OPTIONS, "/complete");
        call.header("origin", "https://app.example.com").header("x-user-id", "forged")
    };
    let preflight = options().header("access-control-request-method", "POST").send();
    assert_eq!(preflight.status, 204, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example.com");
    // All other requests require a credential.
    assert_eq!(options().send().status, 401);
    let asked = || options().header("access-control-request-method", "POST");
    assert_eq!(asked().header("x-http-method-override", "POST").send().status, 401);
    assert_eq!(asked().token("nonsense").send().status, 401);
    let post = gateway.call(Method::POST, "/complete").header("origin", "https://app.example.com");
    assert_eq!(post.header("access-control-request-method", "POST").send().status, 401);
}

/// Serves one connection, upgrades it and echoes the data. Returns the received request.
fn echo(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let upgraded =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n";
    stream.write_all(upgraded.as_bytes()).unwrap();
    let mut text = [0; 4];
    stream.read_exact(&mut text).unwrap();
    stream.write_all(&text).unwrap();
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[test]
fn websocket_passes_without_forged_headers() {
    let tenant = World::get().tenant();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = nginx_before(&listener.local_addr().unwrap().to_string(), "ldx_live_unused");
    let service = std::thread::spawn(move || echo(&listener));
    let mut client = TcpStream::connect(&gateway.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        client,
        "GET /chat HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nupgrade: websocket\r\n\
         connection: Upgrade\r\nX_User_Id: forged\r\nX-User_Id: forged\r\nX.User.Id: forged\r\n\
         X-User-Id: forged\r\nX_Tenant_Slug: forged\r\n\r\n",
        tenant.admin.access_token
    )
    .unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    client.write_all(b"ping").unwrap();
    let mut text = [0; 4];
    client.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"ping");
    let head = service.join().unwrap();
    assert!(head.contains("upgrade: websocket") && !head.contains("forged"), "{head}");
    assert!(head.contains(&format!("x-user-id: {}", tenant.admin.id)), "{head}");
    assert!(!head.contains("authorization"), "{head}");
}
