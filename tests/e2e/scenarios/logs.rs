//! The log: one line of JSON per request, without secrets.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::World;
use http::Method;
use serde_json::{Value, json};

/// Waits for the log line of a request, and returns it.
#[track_caller]
fn line(request_id: &str) -> Value {
    let begin = Instant::now();
    loop {
        let lines = World::get().logged(request_id);
        if let Some(line) = lines.lines().find(|line| line.contains("\"message\":\"request\"")) {
            return serde_json::from_str(line).expect("a line is JSON");
        }
        assert!(begin.elapsed().as_secs() < 60, "{request_id} is not in the log");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn request_is_logged_with_principal() {
    let tenant = World::get().tenant();
    let answer = tenant.get("/api/v1/tenant/info").token(&tenant.admin.access_token).send();
    let logged = line(answer.header("x-request-id"));
    assert_eq!(
        (&logged["method"], &logged["route"]),
        (&json!("GET"), &json!("/api/v1/tenant/info"))
    );
    assert_eq!((&logged["status"], &logged["level"]), (&json!(200), &json!("info")));
    assert_eq!(logged["tenant"], tenant.id.as_str());
    assert_eq!(logged["principal"], format!("user:{}", tenant.admin.id));
    assert!(logged["duration_ms"].as_f64() > Some(0.0) && logged["time"].is_string());
    assert_eq!((&logged["trace_id"], &logged["parent_span_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn sign_in_is_logged_with_principal() {
    let tenant = World::get().tenant();
    let user = tenant.user("user");
    let principal = format!("user:{}", user.id);
    let signed_in = tenant.login(&user.email, &user.password);
    let refresh = json!({ "refresh_token": signed_in.expect(200)["refresh_token"] });
    let refreshed = tenant.post("/api/v1/auth/refresh", &refresh).send();
    refreshed.expect(200);
    for answer in [signed_in, refreshed] {
        let logged = line(answer.header("x-request-id"));
        assert_eq!(logged["tenant"], tenant.id.as_str(), "{logged}");
        assert_eq!(logged["principal"], principal, "{logged}");
    }
    let invited = json!({ "email": "invited@x.example", "role": "user" });
    let invited = tenant.post("/api/v1/users", &invited).token(&tenant.admin.access_token).send();
    let invited = invited.expect(201);
    let setup =
        json!({ "setup_token": invited["setup_token"], "password": "a password for tests" });
    let set_up = tenant.post("/api/v1/auth/setup", &setup).send();
    set_up.expect(200);
    let logged = line(set_up.header("x-request-id"));
    assert_eq!(logged["principal"], format!("user:{}", invited["id"].as_str().unwrap()));
    // A failed sign-in has no principal.
    let failed = tenant.login(&user.email, "wrong password");
    assert_eq!(line(failed.header("x-request-id"))["principal"], Value::Null);
}

#[test]
fn request_joins_trace_of_caller() {
    let world = World::get();
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let parent = format!("00-{trace}-{span}-01");
    let answer = world.get_path("/health").header("traceparent", &parent).send();
    let logged = line(answer.header("x-request-id"));
    assert_eq!((&logged["trace_id"], &logged["parent_span_id"]), (&json!(trace), &json!(span)));
    let unsound = world.get_path("/health").header("traceparent", "00-xyz-1-01").send();
    assert_eq!(line(unsound.header("x-request-id"))["trace_id"], Value::Null);
}

// S38
#[test]
fn log_injection_is_impossible() {
    let world = World::get();
    let forged = "x%0A%7B%22level%22%3A%22error%22%7D";
    let answer = world.call(Method::GET, &format!("/{forged}")).header("user-agent", "a\tb").send();
    let logged = line(answer.header("x-request-id"));
    assert_eq!(logged["route"], "none");
    assert!(
        !world.logged("{\"level\":\"error\"}").lines().any(|line| line == "{\"level\":\"error\"}")
    );
    // An unsafe request id is replaced.
    let answer = world.get_path("/health").header("x-request-id", "a b").send();
    assert_ne!(answer.header("x-request-id"), "a b");
}

// S7, S39
#[test]
fn log_contains_no_secrets() {
    let world = World::get();
    let tenant = world.tenant();
    let key = tenant.api_key(&["tenant:read", "tokens:introspect"]);
    tenant.get("/api/v1/tenant/info").token(&key).send().expect(200);
    tenant.get(&format!("/api/v1/tenant/info?token={key}")).token("nonsense-token").send();
    let wrong = "a password that is in no log";
    tenant.login(&tenant.admin.email, wrong);
    let setup = json!({ "setup_token": tenant.created["setup_token"], "password": wrong });
    tenant.post("/api/v1/auth/setup", &setup).send();
    let last = tenant
        .post("/api/v1/auth/refresh", &json!({ "refresh_token": tenant.admin.refresh_token }))
        .send();
    line(last.header("x-request-id"));
    let settings = world.settings();
    for secret in [
        key.as_str(),
        &tenant.admin.access_token,
        &tenant.admin.refresh_token,
        tenant.created["setup_token"].as_str().unwrap(),
        wrong,
        &tenant.admin.password,
        &world.admin_key(),
        &settings["JWT_SECRET_KEY"],
        &settings["MASTER_ENCRYPTION_KEY"],
        &settings["MASTER_DATABASE_URL"],
    ] {
        assert_eq!(world.logged(secret), "", "{secret}");
    }
}

#[test]
fn log_level_is_respected() {
    let world = World::get();
    let quiet = world.application_with(&[("LOG_LEVEL", "ERROR")]);
    let answer = e2e::Call::new(Method::GET, &quiet.address, "/health").send();
    let id = answer.header("x-request-id").to_owned();
    let loud = world.get_path("/health").send();
    line(loud.header("x-request-id"));
    sleep(Duration::from_millis(500));
    assert_eq!(world.logged(&id), "");
}
