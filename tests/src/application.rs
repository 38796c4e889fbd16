//! The application on wasm: on the real Spin where `SPIN` names one, or else on `tools/runner`.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Process, root};

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running application. It ends when this is dropped, or with the process.
pub struct Application {
    /// Its address, `127.0.0.1:port`.
    pub address: String,
    process: Process,
}

/// How an application is started.
#[derive(Clone, Copy)]
struct Start<'a> {
    manifest: &'a Path,
    settings: &'a BTreeMap<&'static str, String>,
    /// Where its state and its log go.
    folder: &'a Path,
    /// The store of files, where it is not its own.
    files: Option<&'a Path>,
    /// Variables of the host's environment, beside the settings.
    variables: &'a [(&'a str, &'a str)],
    /// Arguments of the host, beside those that every application needs.
    arguments: &'a [&'a str],
}

impl<'a> Start<'a> {
    fn new(
        manifest: &'a Path,
        settings: &'a BTreeMap<&'static str, String>,
        folder: &'a Path,
    ) -> Self {
        Self { manifest, settings, folder, files: None, variables: &[], arguments: &[] }
    }
}

impl Application {
    /// Starts the application with these settings; its state and its log go to `folder`.
    pub fn start(settings: &BTreeMap<&'static str, String>, folder: &Path) -> Self {
        Self::start_with(settings, folder, &[])
    }

    /// Starts the application with these settings, and with the store of files at `files`, which other
    /// applications may have, too.
    pub fn start_sharing(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: &Path,
    ) -> Self {
        let manifest = root().join("spin.toml");
        Self::run(&Start { files: Some(files), ..Start::new(&manifest, settings, folder) })
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
        let Start { manifest, settings, folder, files, variables, arguments } = *start;
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let state = folder.join(format!("application-{number}"));
        std::fs::create_dir_all(&state).unwrap();
        let runtime_config = state.join("runtime-config.toml");
        let store = files.map_or_else(|| state.join("files.db"), Path::to_path_buf);
        let config =
            format!("[key_value_store.files]\ntype = \"spin\"\npath = \"{}\"\n", store.display());
        std::fs::write(&runtime_config, config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
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
        let mut process = Process::start(command, &state.join("log"));
        process.wait_until_listening(&address);
        Self { address, process }
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
