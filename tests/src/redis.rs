//! Redis: commands of a test, and servers of their own.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use platform::redis::{ProcessId, Reply};

use crate::{Process, World, free_port, unique};

/// Runs commands on a Redis server.
pub struct RedisClient {
    port: String,
    password: String,
}

impl RedisClient {
    pub(crate) fn new(port: &str, password: &str) -> Self {
        Self { port: port.to_owned(), password: password.to_owned() }
    }

    /// Runs a command and returns the lines of the reply.
    pub fn run(&self, command: &[&str]) -> Vec<String> {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &self.port]).args(command);
        if !self.password.is_empty() {
            client.env("REDISCLI_AUTH", &self.password);
        }
        let output = client.output().expect("redis-cli runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }

    /// Returns the full name of a key for the current process.
    pub fn key(&self, key: &str) -> String {
        let info = self.run(&["INFO", "server"]).join("\n");
        let process = ProcessId::of_info(&[Reply::Bytes(info.into_bytes())]).expect("it has one");
        String::from_utf8(process.name(key)).expect("names are text")
    }

    /// Returns the record of a tenant's leases.
    pub fn leases(&self, tenant: &str) -> Leases {
        let lines = self.run(&["HGETALL", &self.key(&format!("t:{{{tenant}}}:leases"))]);
        let fields = lines.as_chunks::<2>().0.iter();
        Leases(fields.map(|[name, value]| (name.clone(), value.clone())).collect())
    }
}

/// The record of a tenant's leases (docs/decisions/0015-leases.md).
#[derive(Debug)]
pub struct Leases(BTreeMap<String, String>);

impl Leases {
    /// Returns the number of the last lease; 0 if there was none.
    pub fn granted(&self) -> u64 {
        self.number("granted")
    }

    /// Returns the number up to which all leases are known to have ended.
    pub fn ended(&self) -> u64 {
        self.number("ended")
    }

    /// Returns the units of each lease whose use was not reported.
    pub fn unreported(&self) -> Vec<u64> {
        let leases = self.0.iter().filter(|(name, _)| name.parse::<u64>().is_ok());
        let units = leases.map(|(_, units)| units.split(':').next().and_then(|n| n.parse().ok()));
        units.map(|units| units.expect("a lease has a number of units")).collect()
    }

    fn number(&self, field: &str) -> u64 {
        self.0.get(field).map_or(0, |number| number.parse().expect("it is a number"))
    }
}

/// A Redis server of one test, without persistence.
pub struct Redis {
    /// The port, which it keeps when it restarts.
    pub port: u16,
    folder: PathBuf,
    process: Process,
}

impl Redis {
    /// Starts a server.
    pub fn start() -> Self {
        let folder = World::get().services.folder().join(unique("redis"));
        std::fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let process = run(port, &folder);
        Self { port, folder, process }
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.process.end();
    }

    /// Starts a killed server again, without data.
    pub fn start_again(&mut self) {
        self.process = run(self.port, &self.folder);
    }

    /// Returns a client.
    pub fn client(&self) -> RedisClient {
        RedisClient::new(&self.port.to_string(), "")
    }

    /// Returns the settings of an application on this server.
    pub fn settings(&self) -> [(&'static str, String); 2] {
        let url = format!("redis://127.0.0.1:{}", self.port);
        [("REDIS_URL", url.clone()), ("ALLOWED_REDIS_HOSTS", url)]
    }
}

fn run(port: u16, folder: &std::path::Path) -> Process {
    let mut command = Process::command("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--dir"]).arg(folder);
    let mut process = Process::start(&mut command, &folder.join("log"));
    process.wait_until_listening(&format!("127.0.0.1:{port}"));
    process
}
