//! The application `tests/echo` behind the gate, on a real Spin.

use std::{collections::BTreeMap, fs};

use http::Method;

use crate::{Answer, Application, Call, World, root, unique};

/// A running application behind the gate.
pub struct Guarded(Application);

impl Guarded {
    /// Starts the application with these variables, which the gate inherits.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let inherited = r#"["allowed_outbound_hosts", "variables"]"#;
        Self::start_inheriting(variables, inherited, "http://127.0.0.1:*")
    }

    /// Starts the application with these variables, with `inherit_configuration` of the gate, and with one host that the
    /// application may call.
    pub fn start_inheriting(variables: &[(&str, &str)], inherited: &str, outbound: &str) -> Self {
        let middleware = format!(
            "dependencies.middleware = [{{ component = \"gate\", inherit_configuration = {inherited} }}]\n"
        );
        Self::run(&middleware, variables, outbound)
    }

    /// Starts the application without the gate.
    pub fn unguarded() -> Self {
        Self::run("", &[], "http://127.0.0.1:*")
    }

    fn run(middleware: &str, variables: &[(&str, &str)], outbound: &str) -> Self {
        let folder = World::get().services.folder().join(unique("guarded"));
        fs::create_dir(&folder).unwrap();
        let wasm = |name: &str| {
            root().join(format!("target/wasm32-wasip2/release/{name}.wasm")).display().to_string()
        };
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| format!("{name} = '''{value}'''")).collect();
        let manifest = format!(
            "spin_manifest_version = 2\n[application]\nname = \"guarded\"\nversion = \"0.1.0\"\n\
             [[trigger.http]]\nroute = \"/...\"\ncomponent = \"echo\"\n{middleware}\
             [component.echo]\nsource = {:?}\nallowed_outbound_hosts = [{outbound:?}]\n\
             [component.echo.variables]\n{}\n[component.gate]\nsource = {:?}\n",
            wasm("echo"),
            variables.join("\n"),
            wasm("gate")
        );
        let file = folder.join("spin.toml");
        fs::write(&file, manifest).unwrap();
        let arguments = ["--max-instance-reuse-count", "4096"];
        Self(Application::start_manifest(&file, &BTreeMap::new(), &folder, &arguments))
    }

    /// Returns the address, `127.0.0.1:port`.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Sends a request with these headers.
    pub fn call(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let call = Call::new(method, &self.0.address, path);
        let add = |call: Call, (name, value): &(&str, &str)| call.header(name, value);
        headers.iter().fold(call, add).try_send().unwrap()
    }

    /// Sends a GET request with these headers.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call(Method::GET, path, headers)
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.0.log()).unwrap()
    }
}
