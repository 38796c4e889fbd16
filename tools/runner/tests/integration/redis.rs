//! `spin:redis`

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{App, Config, Redis};

fn config(redis: &Redis) -> Config {
    Config::one(&format!("allowed_outbound_hosts = [\"{}\"]", redis.url()))
}

fn command(app: &App, redis: &Redis, command: &str, arguments: Value) -> String {
    let arguments = json!({ "address": redis.url(), "command": command, "arguments": arguments });
    app.call("redis-command", &arguments)
}

#[test]
fn functions_work_on_separate_connections() {
    let redis = Redis::start();
    let app = config(&redis).start();
    let answer = app.call("redis", &json!({ "address": redis.url() }));
    let lines: Vec<&str> = answer.lines().collect();
    let wrong_type =
        "Err(Error::Other(\"WRONGTYPE: Operation against a key holding the wrong kind of value\"))";
    let no_integer = "Err(Error::Other(\"An error was signalled by the server - ResponseError: value is not an integer or out of range\"))";
    assert_eq!(
        lines,
        [
            "set Ok(())",
            "get Ok(Some(\"v\"))",
            "get none Ok(None)",
            "incr Ok(1)",
            &format!("incr text {no_integer}"),
            "sadd Ok(2)",
            &format!("sadd text {wrong_type}"),
            "srem Ok(1)",
            "smembers Ok([\"b\"])",
            "publish Ok(())",
            "del Ok(3)",
            "two connections true",
        ]
    );
}

#[test]
fn replies_are_flattened() {
    let redis = Redis::start();
    let app = config(&redis).start();
    let script = "return {1, {2, {3, 'x'}}, false, {ok = 'FINE'}, {}}";
    assert_eq!(
        command(&app, &redis, "EVAL", json!([script, 0])),
        "Ok([RedisResult::Int64(1), RedisResult::Int64(2), RedisResult::Int64(3), \
         RedisResult::Binary([120]), RedisResult::Nil, RedisResult::Status(\"FINE\")])"
    );
    assert_eq!(command(&app, &redis, "GET", json!(["none"])), "Ok([RedisResult::Nil])");
    assert_eq!(command(&app, &redis, "SET", json!(["k", 1])), "Ok([RedisResult::Status(\"OK\")])");
    assert_eq!(command(&app, &redis, "HGETALL", json!(["none"])), "Ok([])");
}

#[test]
fn errors_are_returned_as_text() {
    let redis = Redis::start();
    let app = config(&redis).start();
    for (name, arguments, text) in [
        ("EVAL", json!(["return redis.error_reply('MY problem')", 0]), "MY: problem"),
        ("EVAL", json!(["return {1, redis.error_reply('MY problem')}", 0]), "MY: problem"),
        ("EVALSHA", json!(["f".repeat(40), 0]), "NoScriptError"),
        ("NOSUCH", json!([]), "unknown command"),
    ] {
        let answer = command(&app, &redis, name, arguments);
        assert!(answer.starts_with("Err(Error::Other(\"") && answer.contains(text), "{answer}");
    }
}

#[test]
fn non_redis_address_is_refused() {
    let redis = Redis::start();
    let app = Config::one("allowed_outbound_hosts = [\"*://*:*\"]").start();
    let closed = format!("redis://127.0.0.1:{}", crate::support::free_port());
    for (address, expected) in [
        ("http://127.0.0.1", "Err(Error::InvalidAddress)"),
        ("", "Err(Error::InvalidAddress)"),
        ("unix:///tmp/none.sock", "Err(Error::InvalidAddress)"),
        (&closed, "Err(Error::Other(\"Connection refused"),
        (&redis.url(), "Ok("),
    ] {
        let arguments = json!({ "address": address, "command": "PING" });
        let answer = app.call("redis-command", &arguments);
        assert!(answer.starts_with(expected), "{address}: {answer}");
    }
}

#[test]
fn connections_can_be_limited() {
    let redis = Redis::start();
    let elapsed = |config: Config| {
        let app = config.start();
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| command(&app, &redis, "BLPOP", json!(["none", "0.3"])));
            }
        });
        start.elapsed()
    };
    assert!(elapsed(config(&redis)) < Duration::from_millis(800));
    for section in [
        "[outbound_redis]\nmax_connections = 1",
        "[outbound_networking]\nmax_total_connections = 1",
    ] {
        assert!(elapsed(config(&redis).runtime_config(section)) >= Duration::from_millis(900));
    }
}
