//! An application in its own runner.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{self, Response};
use super::temp_folder::TempFolder;

/// The maximum time of the first start, which compiles the guest.
const START_DEADLINE: Duration = Duration::from_mins(1);

/// The configuration of a runner.
pub(crate) struct Config {
    manifest: String,
    runtime_config: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
    folder: Option<TempFolder>,
}

/// A running runner.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    folder: TempFolder,
    child: Child,
}

impl Config {
    /// Creates an application whose manifest continues with `rest`, in which `GUEST` is replaced with the path of the
    /// guest.
    pub(crate) fn new(rest: &str) -> Self {
        let start =
            "spin_manifest_version = 2\n[application]\nname = \"test\"\nversion = \"1.2.3\"\n";
        let guest = guest().to_str().unwrap().to_owned();
        Self {
            manifest: format!("{start}{rest}").replace("GUEST", &guest),
            runtime_config: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            folder: None,
        }
    }

    /// Creates the component `a` at `/a/...`, whose table continues with `rest`.
    pub(crate) fn one(rest: &str) -> Self {
        Self::new(&format!(
            "[[trigger.http]]\nroute = \"/a/...\"\ncomponent = \"a\"\n[component.a]\nsource = \"GUEST\"\n{rest}"
        ))
    }

    pub(crate) fn runtime_config(mut self, text: &str) -> Self {
        self.runtime_config = Some(text.to_owned());
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a file beside the manifest.
    pub(crate) fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Starts in the folder of a stopped application.
    pub(crate) fn folder(mut self, folder: TempFolder) -> Self {
        self.folder = Some(folder);
        self
    }

    fn spawn(self, listen: &str) -> (TempFolder, Child) {
        let folder = self.folder.unwrap_or_else(TempFolder::new);
        fs::write(folder.path().join("spin.toml"), &self.manifest).unwrap();
        for (name, content) in &self.files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command
            .args(["--from", "spin.toml", "--listen", listen])
            .args(&self.arguments)
            .envs(self.environment)
            .env("RUST_BACKTRACE", "0")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("stdout")).unwrap())
            .stderr(File::create(folder.path().join("stderr")).unwrap());
        if let Some(text) = self.runtime_config {
            fs::write(folder.path().join("runtime-config.toml"), text).unwrap();
            command.args(["--runtime-config-file", "runtime-config.toml"]);
        }
        let child = command.spawn().unwrap();
        (folder, child)
    }

    /// Starts the runner, and waits until it serves requests.
    pub(crate) fn start(self) -> App {
        let (folder, mut child) = self.spawn("127.0.0.1:0");
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if let Some(address) = serving(folder.path()) {
                return App { address, folder, child };
            }
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "the runner did not start: {}",
                read(&folder.path().join("stderr"))
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts a runner that must fail with one line, and returns that line.
    pub(crate) fn refuse(self) -> String {
        self.refuse_at("127.0.0.1:0")
    }

    pub(crate) fn refuse_at(self, listen: &str) -> String {
        let (folder, mut child) = self.spawn(listen);
        let deadline = Instant::now() + START_DEADLINE;
        while child.try_wait().unwrap().is_none() {
            if serving(folder.path()).is_some() || Instant::now() > deadline {
                child.kill().unwrap();
                panic!("the runner started unexpectedly");
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(child.wait().unwrap().code(), Some(1));
        let stderr = read(&folder.path().join("stderr"));
        assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
        stderr
    }
}

impl App {
    /// Calls the operation `operation` at `path`, and returns the body of the response.
    pub(crate) fn call_at(&self, path: &str, operation: &str, arguments: &Value) -> String {
        let response = self.post(&format!("{path}?do={operation}"), &arguments.to_string());
        assert!(response.status < 300, "{response:?} {}", self.stderr());
        response.body
    }

    /// Calls the operation `operation` of the component `a`.
    pub(crate) fn call(&self, operation: &str, arguments: &Value) -> String {
        self.call_at("/a", operation, arguments)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Response {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.send(request.as_bytes()).expect("no answer")
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        self.send(request.as_bytes()).expect("no answer")
    }

    /// Sends `request`, which must request that the connection is closed.
    pub(crate) fn send(&self, request: &[u8]) -> Option<Response> {
        client::send(self.address, request)
    }

    /// Returns the folder of the manifest.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn stdout(&self) -> String {
        read(&self.folder.path().join("stdout"))
    }

    pub(crate) fn stderr(&self) -> String {
        read(&self.folder.path().join("stderr"))
    }

    /// Sends the signal `name`, and returns the exit status of the runner.
    pub(crate) fn signal(&mut self, name: &str) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// Stops the runner and keeps its folder.
    pub(crate) fn stop(mut self) -> TempFolder {
        self.signal("TERM");
        std::mem::replace(&mut self.folder, TempFolder::new())
    }
}

impl Drop for App {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Returns the address of the runner in `folder`, once it serves requests.
fn serving(folder: &Path) -> Option<SocketAddr> {
    let stdout = BufReader::new(File::open(folder.join("stdout")).unwrap());
    let line = stdout.lines().map_while(Result::ok).find(|line| line.starts_with("Serving "))?;
    line.strip_prefix("Serving http://")?.parse().ok()
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    File::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Returns the path of the guest.
fn guest() -> PathBuf {
    let path = match std::env::var_os("RUNNER_GUEST_WASM") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/wasm32-wasip2/release/runner_guest.wasm"),
    };
    assert!(
        path.is_file(),
        "the guest is missing at {}: build it in tools/runner with `cargo build -p runner-guest \
         --release --target wasm32-wasip2`, or name it in RUNNER_GUEST_WASM",
        path.display()
    );
    std::path::absolute(path).unwrap()
}
