//! The application as Wasm components. It runs on the Spin binary that `SPIN` names, or else on `tools/runner`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Process, free_port, root};

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running application. It stops when this value is dropped or when the process ends.
pub struct Application {
    /// The address, `127.0.0.1:port`.
    pub address: String,
    /// The command that starts and restarts it.
    command: Command,
    log: PathBuf,
    process: Process,
}

/// The store for the files of an application.
#[derive(Clone, Copy)]
pub enum FileStore<'a> {
    /// A file in its own state folder.
    Own,
    /// The file at a path.
    Sqlite(&'a Path),
    /// The Redis at a URL.
    Redis(&'a str),
}

/// The options for starting an application.
#[derive(Clone, Copy)]
struct Start<'a> {
    manifest: &'a Path,
    settings: &'a BTreeMap<&'static str, String>,
    /// The folder for the state and the log.
    folder: &'a Path,
    files: FileStore<'a>,
    /// The networks that the components cannot reach.
    blocked: &'a [&'a str],
    /// More of the runtime configuration.
    configuration: &'a str,
    /// Environment variables of the host, in addition to the settings.
    variables: &'a [(&'a str, &'a str)],
    /// Arguments of the host, in addition to the default ones.
    arguments: &'a [&'a str],
}

impl<'a> Start<'a> {
    fn new(
        manifest: &'a Path,
        settings: &'a BTreeMap<&'static str, String>,
        folder: &'a Path,
    ) -> Self {
        let files = FileStore::Own;
        Self {
            manifest,
            settings,
            folder,
            files,
            blocked: &[],
            configuration: "",
            variables: &[],
            arguments: &[],
        }
    }
}

impl Application {
    /// Starts the application with these settings. Its state and its log are stored in `folder`.
    pub fn start(settings: &BTreeMap<&'static str, String>, folder: &Path) -> Self {
        Self::start_with(settings, folder, &[])
    }

    /// Starts the application with these settings and with a file store that other applications may share.
    pub fn start_sharing(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: FileStore<'_>,
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { files, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application like [`Self::start_sharing`], on a host with these arguments.
    pub fn start_sharing_with(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: FileStore<'_>,
        arguments: &[&str],
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { files, arguments, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application with these settings, on a host with these environment variables.
    pub fn start_with(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { variables, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application with these settings, and with more of the runtime configuration.
    pub fn start_configured(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        configuration: &str,
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { configuration, ..Start::new(&manifest, settings, folder) })
    }

    /// Starts the application with these settings, without access to these networks.
    pub fn start_blocking(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        blocked: &[&str],
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { blocked, ..Start::new(&manifest, settings, folder) })
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

    /// Starts the application of a manifest like [`Self::start_sharing`].
    pub fn start_release(
        manifest: &Path,
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: FileStore<'_>,
    ) -> Self {
        Self::run(&Start { files, ..Start::new(manifest, settings, folder) })
    }

    fn run(start: &Start<'_>) -> Self {
        let Start {
            manifest,
            settings,
            folder,
            files,
            blocked,
            configuration,
            variables,
            arguments,
        } = *start;
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
        let config = format!(
            "log_dir = \"\"\n\n[outbound_networking]\nblock_networks = {blocked:?}\n\n\
             [key_value_store.default]\n{store}\n{configuration}"
        );
        std::fs::write(&runtime_config, config).unwrap();
        let address = format!("127.0.0.1:{}", free_port());

        let named = |name| std::env::var_os(name).filter(|path| !path.is_empty());
        let mut command = match named("SPIN") {
            Some(spin) => {
                let mut command = Process::command(spin);
                command.arg("up");
                command
            }
            // The benchmark names an optimized build.
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
            // Deleting the folder also deletes the temporary files of a killed host.
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

    /// Kills the application if it runs, and starts it again with the same address, state and log.
    pub fn restart(&mut self) {
        self.process.end();
        self.process = Process::start(&mut self.command, &self.log);
        self.process.wait_until_listening(&self.address);
    }

    /// Returns the path of the log file.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Returns the resident memory of its processes, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    /// Kills the application immediately, like a power failure.
    pub fn kill(&self) {
        self.process.kill();
    }
}
