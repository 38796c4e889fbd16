//! The application on wasm: on the real Spin where `SPIN` names one, or else on `tools/runner`.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Process, root};

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running application. It ends when this is dropped, or with the process.
pub struct Application {
    /// Its address, `127.0.0.1:port`.
    pub address: String,
    /// Starts it, the first time and again.
    command: Command,
    log: PathBuf,
    process: Process,
}

/// Where an application keeps files.
#[derive(Clone, Copy)]
pub enum FileStore<'a> {
    /// In a file of its own state.
    Own,
    /// In the file at a path.
    Sqlite(&'a Path),
    /// In the Redis of a URL.
    Redis(&'a str),
}

/// How an application is started.
#[derive(Clone, Copy)]
struct Start<'a> {
    manifest: &'a Path,
    settings: &'a BTreeMap<&'static str, String>,
    /// Where its state and its log go.
    folder: &'a Path,
    files: FileStore<'a>,
    /// Variables of the host's environment, beside the settings.
    variables: &'a [(&'a str, &'a str)],
    /// Arguments of the host, beside those that every application needs.
    arguments: &'a [&'a str],
    /// The port; 0 for a free one.
    port: u16,
}

impl<'a> Start<'a> {
    fn new(
        manifest: &'a Path,
        settings: &'a BTreeMap<&'static str, String>,
        folder: &'a Path,
    ) -> Self {
        let (variables, arguments) = (&[], &[]);
        Self { manifest, settings, folder, files: FileStore::Own, variables, arguments, port: 0 }
    }
}

impl Application {
    /// Starts the application with these settings; its state and its log go to `folder`.
    pub fn start(settings: &BTreeMap<&'static str, String>, folder: &Path) -> Self {
        Self::start_with(settings, folder, &[])
    }

    /// Starts the application with these settings, and with a store of files that other applications may
    /// have, too.
    pub fn start_sharing(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: FileStore<'_>,
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { files, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application like [`Self::start_sharing`], on a host with these arguments that listens
    /// on `port`. A port below the range of the kernel stays free while the application is down.
    pub fn start_on_port(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: FileStore<'_>,
        arguments: &[&str],
        port: u16,
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { files, arguments, port, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application with these settings, on a host with these variables.
    pub fn start_with(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { variables, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application of a manifest with these settings, on a host with these arguments.
    pub fn start_manifest(
        manifest: &Path,
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        arguments: &[&str],
    ) -> Self {
        Self::run(&Start { arguments, ..Start::new(manifest, settings, folder) })
    }

    fn run(start: &Start<'_>) -> Self {
        let Start { manifest, settings, folder, files, variables, arguments, port } = *start;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let state = folder.join(format!("application-{number}"));
        std::fs::create_dir_all(&state).unwrap();
        let runtime_config = state.join("runtime-config.toml");
        let sqlite = |path: &Path| format!("type = \"spin\"\npath = \"{}\"\n", path.display());
        let store = match files {
            FileStore::Own => sqlite(&state.join("files.db")),
            FileStore::Sqlite(path) => sqlite(path),
            FileStore::Redis(url) => format!("type = \"redis\"\nurl = \"{url}\"\n"),
        };
        let config = format!("log_dir = \"\"\n\n[key_value_store.default]\n{store}");
        std::fs::write(&runtime_config, config).unwrap();
        let port = TcpListener::bind(("127.0.0.1", port)).unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");

        let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
        let mut command = match named("SPIN") {
            Some(spin) => {
                let mut command = Process::command(spin);
                command.arg("up");
                command
            }
            // The bench names one that is built for speed.
            None => Process::command(
                named("RUNNER").map_or_else(|| root().join("target/tools/runner"), PathBuf::from),
            ),
        };
        command
            .arg("--from")
            .arg(manifest)
            .arg("--runtime-config-file")
            .arg(&runtime_config)
            .arg("--state-dir")
            .arg(&state)
            .args(["--listen", &address])
            .args(arguments)
            // What a host leaves there that is killed goes with the folder.
            .env("TMPDIR", &state);
        for (name, value) in settings {
            command.env(format!("SPIN_VARIABLE_{name}"), value);
        }
        command.envs(variables.iter().copied());
        let log = state.join("log");
        let mut process = Process::start(&mut command, &log);
        process.wait_until_listening(&address);
        Self { address, command, log, process }
    }

    /// Kills the application if it runs, and starts it again: same address, same state, same log.
    pub fn restart(&mut self) {
        self.process.end();
        self.process = Process::start(&mut self.command, &self.log);
        self.process.wait_until_listening(&self.address);
    }

    /// The file of its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The memory that its processes have resident, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    /// Ends the application at once, as a power cut would.
    pub fn kill(&self) {
        self.process.kill();
    }
}
