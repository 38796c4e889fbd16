//! `spin:key-value`

use serde_json::json;

use crate::support::{App, Config, Redis};

fn call(app: &App, label: &str, call: &str, key: &str) -> String {
    app.call("key-value", &json!({ "label": label, "call": call, "key": key, "value": "v" }))
}

/// Makes all calls of a store, which is empty before and after.
fn use_store(app: &App, label: &str) {
    let call = |name: &str, key: &str| call(app, label, name, key);
    assert_eq!(call("get", "k"), "Ok(None)");
    assert_eq!(call("set", "k"), "Ok(())");
    assert_eq!(call("get", "k"), "Ok(Some(\"v\"))");
    assert_eq!(call("exists", "k"), "Ok(true)");
    assert_eq!(call("exists", "none"), "Ok(false)");
    // More than the host buffers.
    for number in 1..10 {
        call("set", &format!("k{number}"));
    }
    let keys: Vec<String> = (1..10).map(|number| format!("\"k{number}\"")).collect();
    assert_eq!(call("keys", ""), format!("Ok([\"k\", {}])", keys.join(", ")));
    for number in 1..10 {
        call("delete", &format!("k{number}"));
    }
    assert_eq!(call("delete", "k"), "Ok(())");
    assert_eq!(call("delete", "k"), "Ok(())");
    assert_eq!(call("keys", ""), "Ok([])");
}

#[test]
fn stores_use_sqlite_redis_or_memory() {
    let redis = Redis::start();
    let stores = format!(
        "[key_value_store.file]\ntype = \"spin\"\npath = \"data/own.db\"\n\
         [key_value_store.memory]\ntype = \"spin\"\n\
         [key_value_store.shared]\ntype = \"redis\"\nurl = \"{}\"",
        redis.url()
    );
    let labels = "key_value_stores = [\"default\", \"file\", \"memory\", \"shared\"]";
    let app = Config::one(labels).runtime_config(&stores).start();
    for label in ["default", "file", "memory", "shared"] {
        use_store(&app, label);
    }
    assert!(app.folder().join("data/own.db").is_file());
    assert!(app.folder().join(".spin/sqlite_key_value.db").is_file());

    // Stores are separate.
    call(&app, "default", "set", "k");
    assert_eq!(call(&app, "file", "get", "k"), "Ok(None)");
    assert_eq!(call(&app, "shared", "get", "k"), "Ok(None)");
}

#[test]
fn default_store_survives_restart() {
    let config = || Config::one("key_value_stores = [\"default\"]");
    let app = config().start();
    call(&app, "default", "set", "k");
    let folder = app.stop();

    let app = config().folder(folder).start();
    assert_eq!(call(&app, "default", "get", "k"), "Ok(Some(\"v\"))");
    let folder = app.stop();

    let elsewhere = config().folder(folder).arguments(&["--state-dir", "elsewhere"]).start();
    assert_eq!(call(&elsewhere, "default", "get", "k"), "Ok(None)");
    assert!(elsewhere.folder().join("elsewhere/sqlite_key_value.db").is_file());
}

#[test]
fn missing_state_directory_uses_memory() {
    let app =
        Config::one("key_value_stores = [\"default\"]").arguments(&["--state-dir", ""]).start();
    use_store(&app, "default");
    assert!(!app.folder().join(".spin").exists());
}

#[test]
fn undeclared_stores_are_denied() {
    let stores = "[key_value_store.other]\ntype = \"spin\"";
    let app = Config::one("key_value_stores = [\"default\"]").runtime_config(stores).start();
    assert_eq!(call(&app, "other", "open", ""), "Err(Error::AccessDenied)");
    assert_eq!(call(&app, "none", "open", ""), "Err(Error::AccessDenied)");
}
