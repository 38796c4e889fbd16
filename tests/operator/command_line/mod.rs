//! The operator's command line: `tenantctl` against real stores, and its effect over HTTP.

mod apply;
mod busy;
mod crashes;
mod destroyed;
mod dry_runs;
mod exit_codes;
mod keys;
mod locks;
mod plans;
mod tenants;
mod tls;
mod users;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use e2e::{World, root};
use serde_json::Value;

/// The settings of a run, by their names.
type Settings = BTreeMap<&'static str, String>;

/// The result of a command.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    /// Asserts the exit code.
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Returns the only document of the output.
    fn document(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the document of each line.
    fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect()
    }

    /// Returns the problem document on standard error.
    fn problem(&self) -> Value {
        serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Returns `tenantctl` with these settings.
fn command(settings: &Settings, arguments: &[&str]) -> Command {
    let mut command = Command::new(root().join("target/tools/tenantctl"));
    command.args(arguments).env_clear().env("USER", "olivia").envs(settings);
    command
}

/// Runs `tenantctl` with these settings and this standard input.
fn run_with(settings: &Settings, arguments: &[&str], input: &str) -> Ran {
    let mut child = command(settings, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("target/tools/tenantctl runs");
    // A command that reads no input closes the pipe.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("it is UTF-8");
    let code = output.status.code().expect("it ends by itself");
    Ran { code, out: text(output.stdout), err: text(output.stderr) }
}

/// Runs `tenantctl` with the settings of the shared world.
fn run(arguments: &[&str]) -> Ran {
    run_with(&World::get().settings(), arguments, "")
}

/// Runs `tenantctl --output json` successfully, and returns its document.
fn json(arguments: &[&str]) -> Value {
    run(&[arguments, &["--output", "json"]].concat()).expect(0).document()
}
