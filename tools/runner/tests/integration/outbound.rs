//! The destinations that a component can reach.

use serde_json::json;

use crate::support::{Config, Redis};

fn ping(redis: &Redis, config: Config) -> String {
    let command = json!({ "address": redis.url(), "command": "PING" });
    config.start().call("redis-command", &command)
}

const PONG: &str = "Ok([RedisResult::Status(\"PONG\")])";
const REFUSED: &str = "Err(Error::InvalidAddress)";

#[test]
fn entry_can_use_variable() {
    let redis = Redis::start();
    let host = redis.url().replace("redis://", "");
    let config = || {
        let rest = "allowed_outbound_hosts = [\"redis://{{ host }}\", \"http://{{ none }}\"]\n\
                    [variables]\nhost = { default = \"localhost:1\" }\nnone = { default = \"\" }";
        Config::one(rest)
    };
    assert_eq!(ping(&redis, config()), REFUSED);
    assert_eq!(ping(&redis, config().environment("SPIN_VARIABLE_HOST", &host)), PONG);
}

#[test]
fn unresolvable_entry_fails_at_first_call() {
    let redis = Redis::start();
    let config = Config::one("allowed_outbound_hosts = [\"redis://{{ unknown }}\"]");
    assert!(ping(&redis, config).starts_with("Err(Error::Other(\"invalid variable name"));
}

#[test]
fn networks_can_be_blocked() {
    let redis = Redis::start();
    let config =
        || Config::one(&format!("allowed_outbound_hosts = [\"{}\", \"tcp://*:*\"]", redis.url()));
    assert_eq!(ping(&redis, config()), PONG);

    let blocked =
        config().runtime_config("[outbound_networking]\nblock_networks = [\"127.0.0.0/8\"]");
    assert!(ping(&redis, blocked).starts_with("Err(Error::Other("));
    let blocked = config().runtime_config("[outbound_networking]\nblock_networks = [\"private\"]");
    assert_eq!(blocked.start().call("tcp", &json!({ "port": 1 })), "Err(ErrorCode::AccessDenied)");
}

#[test]
fn sockets_require_allowed_host() {
    let app = Config::one("allowed_outbound_hosts = [\"tcp://127.0.0.1:*\"]").start();
    let port = app.address.port();
    assert_eq!(app.call("tcp", &json!({ "port": port })), "Ok(())");
}

#[test]
fn http_requires_allowed_host() {
    let app = Config::one("").start();
    let url = format!("http://{}/.well-known/spin/health", app.address);
    assert_eq!(app.call("http", &json!({ "url": url })), "Err(ErrorCode::HttpRequestDenied)");

    let app = Config::one(
        "allowed_outbound_hosts = [\"http://127.0.0.1:*\", \"http://*.spin.internal\"]",
    )
    .start();
    let url = format!("http://{}/.well-known/spin/health", app.address);
    assert_eq!(app.call("http", &json!({ "url": url })), "Ok(200)");
    let own = app.call("http", &json!({ "url": "http://self.alt/" }));
    assert_eq!(own, "Err(ErrorCode::HttpRequestDenied)");
}

#[test]
fn components_call_one_another_if_allowed() {
    let config = |allowed: &str| {
        Config::one(&format!(
            "allowed_outbound_hosts = [{allowed:?}]\n\
             [[trigger.http]]\nroute = {{ private = true }}\ncomponent = \"b\"\n\
             [component.b]\nsource = \"GUEST\"\n"
        ))
    };
    let app = config("http://b.spin.internal").start();
    let call = |url: &str| app.call("http", &json!({ "url": url }));
    assert_eq!(call("http://b.spin.internal/any/path?do=request"), "Ok(200)");
    assert_eq!(call("http://a.spin.internal/"), "Err(ErrorCode::HttpRequestDenied)");
    assert_eq!(call("https://b.spin.internal/"), "Err(ErrorCode::HttpRequestDenied)");
    // A trap of the called component does not end the caller.
    let failed = call("http://b.spin.internal/?do=trap");
    assert!(failed.starts_with("Err(") || failed == "Ok(500)", "{failed}");
    assert_eq!(call("http://b.spin.internal/?do=request"), "Ok(200)");

    let app = config("http://127.0.0.1:*").start();
    let denied = app.call("http", &json!({ "url": "http://b.spin.internal/" }));
    assert_eq!(denied, "Err(ErrorCode::HttpRequestDenied)");
}
