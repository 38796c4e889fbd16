//! The isolation of components from each other.

use serde_json::{Value, json};

use crate::support::{App, Config, Postgres, Redis};

fn start(redis: &Redis, postgres: &Postgres) -> App {
    Config::new(&format!(
        r#"
        [variables]
        secret = {{ default = "of a" }}
        [[trigger.http]]
        route = "/a"
        component = "a"
        [[trigger.http]]
        route = "/b"
        component = "b"
        [component.a]
        source = "GUEST"
        variables = {{ text = "{{{{ secret }}}}" }}
        environment = {{ NAME = "a" }}
        key_value_stores = ["default"]
        allowed_outbound_hosts = ["{}", "postgres://{}", "http://self"]
        [component.b]
        source = "GUEST"
        "#,
        redis.url(),
        postgres.authority(),
    ))
    .start()
}

#[test]
fn component_has_only_manifest_capabilities() {
    let (redis, postgres) = (Redis::start(), Postgres::start());
    let app = start(&redis, &postgres);
    let store = json!({ "label": "default", "call": "open" });
    let command = json!({ "address": redis.url(), "command": "PING" });
    let query = json!({ "address": postgres.address("isolation"), "call": "query-async", "statement": "SELECT 1" });
    let address = json!({ "url": "http://self.alt/.well-known/spin/health" });
    for (operation, arguments, a, b) in [
        ("variable", json!({ "name": "text" }), "Ok(\"of a\")", "Err(Error::Undefined("),
        ("variable", json!({ "name": "secret" }), "Err(Error::Undefined(", "Err(Error::Undefined("),
        ("environment", Value::Null, "[(\"NAME\", \"a\")]", "[]"),
        ("key-value", store, "Ok(())", "Err(Error::AccessDenied)"),
        (
            "redis-command",
            command,
            "Ok([RedisResult::Status(\"PONG\")])",
            "Err(Error::InvalidAddress)",
        ),
        (
            "postgres",
            query,
            "[Column {",
            "Err(Error::ConnectionFailed(\"address postgres://127.0.0.1:",
        ),
        ("http", address, "Ok(200)", "Err(ErrorCode::HttpRequestDenied)"),
        // No component has these.
        ("files", Value::Null, "Err(", "Err("),
        (
            "tcp",
            json!({ "port": 1 }),
            "Err(ErrorCode::AccessDenied)",
            "Err(ErrorCode::AccessDenied)",
        ),
    ] {
        let answer = app.call_at("/a", operation, &arguments);
        assert!(answer.starts_with(a), "a {operation}: {answer}");
        let answer = app.call_at("/b", operation, &arguments);
        assert!(answer.starts_with(b), "b {operation}: {answer}");
    }
    assert!(
        app.stderr().contains("component \"b\" may not reach redis://127.0.0.1:"),
        "{}",
        app.stderr()
    );
}
