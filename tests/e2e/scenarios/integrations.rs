//! The examples of `docs/integrate.md`, run unmodified against the application.

mod command_line;
mod gateway;
mod research_service;
mod web_interface;

use std::{
    fs::File,
    net::TcpStream,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Call, World, free_port, root, unique};
use http::Method;

/// A running example program. It stops when this value is dropped.
struct Program {
    address: String,
    process: Child,
}

impl Drop for Program {
    fn drop(&mut self) {
        // The program may already have ended, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn tenancy_url() -> String {
    format!("http://{}", World::get().address())
}

impl Program {
    fn start(command: Command, port: u16) -> Self {
        Self::start_before(command, port, &tenancy_url())
    }

    /// Starts a program that uses Tenancy at `url`.
    fn start_before(mut command: Command, port: u16, url: &str) -> Self {
        let log = World::get().services.folder().join(unique("example")).with_extension("log");
        let log = File::create(log).unwrap();
        let process = command
            .env("PORT", port.to_string())
            .env("TENANCY_URL", url)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let program = Self { address: format!("127.0.0.1:{port}"), process };
        let begin = Instant::now();
        while TcpStream::connect(&program.address).is_err() {
            assert!(begin.elapsed().as_secs() < 60, "{command:?} listens");
            sleep(Duration::from_millis(20));
        }
        program
    }

    fn python(script: &str) -> Self {
        Self::python_with(script, &[])
    }

    fn python_with(script: &str, environment: &[(&str, String)]) -> Self {
        let mut command = Command::new(python());
        command.arg(root().join("examples").join(script));
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self::start(command, free_port())
    }

    fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, &self.address, path)
    }
}

/// Starts an example whose Tenancy service is unreachable.
fn without_tenancy(script: &str) -> Program {
    let mut command = Command::new(python());
    command.arg(root().join("examples").join(script));
    let url = format!("http://127.0.0.1:{}", free_port());
    Program::start_before(command, free_port(), &url)
}
