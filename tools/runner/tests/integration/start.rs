//! The errors that prevent the start of an application. Each is one line.

use std::net::TcpListener;

use crate::support::Config;

/// A component that imports only the function `f` of `spin:sqlite/sqlite@3.1.0`.
const WITH_SQLITE: &[u8] = b"\0asm\x0d\0\x01\0\
    \x07\x0e\x01\x42\x02\x01\x40\0\x01\0\x04\0\x01f\x01\0\
    \x0a\x1d\x01\0\x18spin:sqlite/sqlite@3.1.0\x05\0";

/// Configures a component in the file `other.wasm`.
fn other(content: &[u8]) -> Config {
    let manifest = "[[trigger.http]]\nroute = \"/\"\ncomponent = \"other\"\n[component.other]\nsource = \"other.wasm\"";
    Config::new(manifest).file("other.wasm", content)
}

#[track_caller]
fn refuse(config: Config, parts: &[&str]) {
    let line = config.refuse();
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in {line:?}");
    }
}

#[test]
fn unsupported_import_is_refused() {
    refuse(other(WITH_SQLITE), &["\"other\"", "spin:sqlite/sqlite@3.1.0"]);
}

#[test]
fn invalid_component_is_refused() {
    refuse(other(b"\0asm\x01\0\0\0"), &["\"other\"", "module"]);
    refuse(other(b"no wasm"), &["\"other\"", "cannot compile"]);
    // An empty component.
    refuse(other(b"\0asm\x0d\0\x01\0"), &["\"other\"", "wasi:http/handler"]);
}

#[test]
fn missing_file_is_reported() {
    let manifest =
        "[[trigger.http]]\nroute = \"/\"\ncomponent = \"a\"\n[component.a]\nsource = \"none.wasm\"";
    refuse(Config::new(manifest), &["\"a\"", "none.wasm"]);
    refuse(Config::one("").arguments(&["--runtime-config-file", "none.toml"]), &["none.toml"]);
}

#[test]
fn used_port_is_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let line = Config::one("").refuse_at(&address);
    assert!(line.contains(&address) && line.contains("in use"), "{line}");
}

#[test]
fn missing_required_variables_are_listed() {
    let config =
        || Config::one("[variables]\none = { required = true }\ntwo = { required = true }");
    refuse(config(), &["one, two"]);
    refuse(config().environment("SPIN_VARIABLE_ONE", ""), &["two"]);
    let both = ["--variable", "one=1", "--variable", "two=2"];
    config().arguments(&both).start();
}

#[test]
fn undefined_store_is_refused() {
    let config = || Config::one("key_value_stores = [\"other\"]");
    refuse(config(), &["\"other\"", "\"a\""]);
    config().runtime_config("[key_value_store.other]\ntype = \"spin\"").start();
}

#[test]
fn invalid_manifest_is_refused() {
    refuse(Config::one("surprise = 1"), &["spin.toml", "surprise"]);
    refuse(Config::new("= nonsense"), &["spin.toml", "line 5"]);
    refuse(Config::one("allowed_outbound_hosts = [\"http://x/path\"]"), &["\"a\"", "path"]);
}

#[test]
fn invalid_runtime_configuration_is_refused() {
    refuse(Config::one("").runtime_config("surprise = 1"), &["runtime-config.toml", "surprise"]);
    refuse(
        Config::one("").runtime_config("[sqlite_database.default]\ntype = \"spin\""),
        &["sqlite_database"],
    );
    let vault =
        "[[variables_provider]]\ntype = \"vault\"\nurl = \"u\"\ntoken = \"t\"\nmount = \"m\"";
    refuse(Config::one("").runtime_config(vault), &["vault"]);
}

#[test]
fn unused_routes_are_only_reported() {
    let app = Config::one(
        "[[trigger.http]]\nroute = \"/a/...\"\ncomponent = \"a\"\n[[trigger.http]]\nroute = \"/.well-known/spin/x\"\ncomponent = \"a\"",
    )
    .start();
    let stderr = app.stderr();
    assert!(stderr.contains("route /a/... of \"a\" is never used"), "{stderr}");
    assert!(stderr.contains("/.well-known/spin/"), "{stderr}");
}

#[test]
fn routes_are_listed() {
    let app = Config::one("").start();
    let lines = format!(
        "Serving http://{0}\nAvailable Routes:\n  a: http://{0}/a (wildcard)\n",
        app.address
    );
    assert_eq!(app.stdout(), lines);
}
