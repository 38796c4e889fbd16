//! A PostgreSQL server that concurrent tests share.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use super::free_port;
use super::temp_folder::TempFolder;

static RUNNING: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

/// A server that stops with its last user.
pub(crate) struct Postgres {
    port: u16,
    folder: TempFolder,
}

impl Postgres {
    pub(crate) fn start() -> Arc<Self> {
        let mut running = RUNNING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        running.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::new());
            *running = Arc::downgrade(&server);
            server
        })
    }

    fn new() -> Self {
        let folder = TempFolder::new();
        if is_root() {
            // PostgreSQL does not run as root.
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let server = Self { port: free_port(), folder };
        let data = server.data();
        run(server.program("initdb").arg("-D").arg(&data).args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "--no-sync",
        ]));
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200",
            server.port
        );
        run(server
            .program("pg_ctl")
            .arg("-D")
            .arg(&data)
            .args(["-w", "-o", &options, "-l"])
            .arg(data.join("log"))
            .arg("start"));
        server
    }

    /// Returns the `host:port` of the server.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns an address of the database, with an application name to distinguish connections.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("postgres://postgres@{}/postgres?application_name={name}", self.authority())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = program_path(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        run(self.program("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "stop"]));
    }
}

/// Debian does not add the programs of the server to the PATH.
fn program_path(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin").join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| name.into())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    id.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot run {command:?}");
}
