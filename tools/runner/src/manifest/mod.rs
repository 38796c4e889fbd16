//! Parses `spin.toml`.

mod app;
pub mod id;
pub mod schema;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::toml_text;

pub use app::{App, Component, HttpTrigger, TriggerTarget};
pub use schema::{Manifest, Route, StaticResponse};

/// Reads the manifest at `path`, and performs all checks that do not need the runtime configuration.
pub fn load(path: &Path) -> Result<App> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the manifest {}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text)
        .and_then(|manifest| App::new(manifest, folder))
        .with_context(|| format!("invalid manifest {}", path.display()))
}

/// Parses the text of a manifest of version 2.
pub fn parse(text: &str) -> Result<Manifest> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(alias = "spin_version")]
        spin_manifest_version: toml::Value,
    }

    let Probe { spin_manifest_version: version } = toml_text::parse(text)?;
    match version {
        toml::Value::Integer(2) => toml_text::parse(text),
        toml::Value::String(version) if version == "1" => {
            bail!("the runner supports only manifests of version 2, and this one has version 1")
        }
        other => bail!("invalid manifest version {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "test"
        [[trigger.http]]
        route = "/..."
        component = "a"
        [component.a]
        source = "a.wasm"
    "#;

    fn app(text: &str) -> Result<App> {
        App::new(parse(text)?, Path::new("/app"))
    }

    fn error(text: &str) -> String {
        format!("{:#}", app(text).unwrap_err())
    }

    fn with(rest: &str) -> String {
        format!("{START}\n{rest}")
    }

    #[test]
    fn minimal_manifest_is_parsed() {
        let app = app(START).unwrap();
        assert_eq!(app.name, "test");
        assert_eq!(app.components["a"].source, Path::new("/app/a.wasm"));
        assert!(matches!(&app.triggers[0].target, TriggerTarget::Component(id) if id == "a"));
    }

    #[test]
    fn only_version_2_is_read() {
        for version in ["\"1\"", "1", "3", "\"2\"", "2.0"] {
            let text = START.replace("version = 2", &format!("version = {version}"));
            assert!(app(&text).is_err(), "{version}");
        }
        assert!(error("[application]\nname = \"x\"").contains("spin_manifest_version"));
        assert!(
            error(&START.replace("spin_manifest_version", "spin_version")).contains("spin_version")
        );
    }

    #[test]
    fn unknown_keys_are_refused_everywhere() {
        for (key, text) in [
            ("xtop", format!("xtop = 1\n{START}")),
            ("xapp", START.replace("name = \"test\"", "name = \"test\"\nxapp = 1")),
            ("xtrigger", START.replace("route =", "xtrigger = 1\nroute =")),
            ("xcomponent", with("xcomponent = 1")),
            ("xvariable", with("[variables]\nv = { default = \"\", xvariable = 1 }")),
            ("xbuild", with("[component.a.build]\ncommand = \"make\"\nxbuild = 1")),
            ("xprofile", with("[component.a.profile.debug]\nxprofile = 1")),
        ] {
            assert!(error(&text).contains(key), "{key}");
        }
        // An untagged enum cannot name the key, in Spin as well.
        app(&START.replace("\"/...\"", "{ private = true, x = 1 }")).unwrap_err();
        app(&START.replace("\"a.wasm\"", "{ url = \"u\", digest = \"sha256:\", x = 1 }"))
            .unwrap_err();
    }

    #[test]
    fn build_time_keys_are_ignored() {
        app(&with(
            r#"
            description = "d"
            targets = ["spin-up:4.1", { url = "u" }, { path = "p" }]
            [component.a.build]
            command = ["make", "make install"]
            workdir = "w"
            watch = ["src/**/*.rs"]
            [component.a.tool.anything]
            x = 1
            [component.a.profile.debug]
            source = "b.wasm"
            environment = { A = "b" }
            build.command = "make debug"
            "#,
        ))
        .unwrap();
    }

    #[test]
    fn names_follow_spin_rules() {
        assert!(app(&START.replace("component.a", "component.a_b")).is_err());
        assert!(app(&with("[variables]\nA = { default = \"\" }")).is_err());
        assert!(app(&with("[variables]\na-b = { default = \"\" }")).is_err());
        assert!(app(&with("variables = { A = \"\" }")).is_err());
        assert!(app(&with("key_value_stores = [\"b@d\"]")).is_err());
        assert!(app(&with("key_value_stores = [\"default\", \"a-b\", \"a_b\"]")).is_ok());
    }

    #[test]
    fn variable_is_required_or_has_default() {
        assert!(app(&with("[variables]\nv = { default = \"\" }")).is_ok());
        assert!(app(&with("[variables]\nv = { required = true, secret = true }")).is_ok());
        assert!(error(&with("[variables]\nv = { secret = true }")).contains("variable \"v\""));
        assert!(app(&with("[variables]\nv = { required = true, default = \"\" }")).is_err());
        assert!(app(&with("[variables]\nv = { default = 1 }")).is_err());
    }

    #[test]
    fn unsupported_keys_are_refused_by_name() {
        for (key, rest) in [
            ("files", "files = [\"a.txt\"]"),
            ("ai_models", "ai_models = [\"llama2-chat\"]"),
            ("sqlite_databases", "sqlite_databases = [\"default\"]"),
            ("dependencies", "[component.a.dependencies]\n\"a:b\" = \"1.0\""),
            ("dependencies", "[component.a.profile.p.dependencies]\n\"a:b\" = \"1.0\""),
            ("allowed_http_hosts", "allowed_http_hosts = [\"example.com\"]"),
        ] {
            let error = error(&with(rest));
            assert!(error.contains(key) && error.contains("component \"a\""), "{error}");
        }
        app(&with("files = []\nai_models = []\nsqlite_databases = []\n[component.a.dependencies]"))
            .unwrap();

        let url = START.replace("\"a.wasm\"", "{ url = \"https://x\", digest = \"sha256:1\" }");
        assert!(error(&url).contains("https://x"));
        assert!(
            error(&START.replace("route =", "executor = { type = \"wagi\" }\nroute ="))
                .contains("wagi")
        );
        let middleware = "dependencies.middleware = [{ component = \"b\" }]\nroute =";
        assert!(error(&START.replace("route =", middleware)).contains("`dependencies.middleware`"));
        assert!(error(&START.replace("trigger.http", "trigger.redis")).contains("redis"));
    }

    #[test]
    fn trigger_has_exactly_one_target() {
        let none = START.replace("component = \"a\"", "");
        assert!(error(&none).contains("neither"));
        let both = START.replace("route =", "static_response = { body = \"x\" }\nroute =");
        assert!(error(&both).contains("both"));
        assert!(error(&START.replace("component = \"a\"", "component = \"b\"")).contains("\"b\""));

        let response = "static_response = { status_code = 302, headers = { location = \"/a\" } }";
        let app_ = app(&START.replace("component = \"a\"", response)).unwrap();
        assert!(
            matches!(&app_.triggers[0].target, TriggerTarget::Static(r) if r.status_code == Some(302))
        );
        app(&START.replace("component = \"a\"", "static_response = { status_code = 9999 }"))
            .unwrap_err();
    }

    #[test]
    fn inline_component_gets_name() {
        let text =
            START.replace("component = \"a\"", "id = \"t\"\ncomponent = { source = \"b.wasm\" }");
        let app = app(&text).unwrap();
        assert_eq!(app.components["t-component"].source, Path::new("/app/b.wasm"));
    }

    #[test]
    fn triggers_can_share_component() {
        let app =
            app(&with("[[trigger.http]]\nroute = { private = true }\ncomponent = \"a\"")).unwrap();
        assert_eq!(app.triggers.len(), 2);
        assert_eq!(app.triggers[0].id, "a-http-trigger");
        assert_eq!(app.triggers[1].id, "http-trigger1");
        let text = START.replace("\"/...\"", "{ private = false }");
        assert!(error(&text).contains("private"));
    }

    #[test]
    fn route_base_is_refused() {
        assert!(app(&with("[application.trigger.http]\nbase = \"/\"")).is_ok());
        assert!(error(&with("[application.trigger.http]\nbase = \"/x\"")).contains("base"));
        assert!(app(&with("[application.trigger.http]\nx = 1")).is_err());
    }

    #[test]
    fn allowed_hosts_are_checked_with_defaults() {
        let hosts = |host: &str| with(&format!("allowed_outbound_hosts = [\"{host}\"]"));
        assert!(app(&hosts("redis://localhost:6379")).is_ok());
        assert!(error(&hosts("localhost")).contains("allowed_outbound_hosts"));
        let variables = "[variables]\nd = { default = \"not a host\" }\nr = { required = true }";
        assert!(app(&format!("{}\n{variables}", hosts("{{ r }}"))).is_ok());
        assert!(app(&format!("{}\n{variables}", hosts("{{ d }}"))).is_err());
        assert!(app(&format!("{}\n{variables}", hosts("{{ d }"))).is_err());
    }
}
