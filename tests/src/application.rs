//! The application on wasm: on the real Spin where `SPIN` names one, or else on `tools/runner`.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::root;

static STARTED: AtomicU32 = AtomicU32::new(0);

/// A running application. It ends when this is dropped, or with the process.
pub struct Application {
    /// Its address, `127.0.0.1:port`.
    pub address: String,
    process_group: String,
    /// Its standard input is what the application lives by.
    script: Child,
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
        Self::run(settings, folder, Some(files), &[])
    }

    /// Starts the application with these settings, on a host with these variables.
    pub fn start_with(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::run(settings, folder, None, variables)
    }

    fn run(
        settings: &BTreeMap<&'static str, String>,
        folder: &Path,
        files: Option<&Path>,
        variables: &[(&str, &str)],
    ) -> Self {
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
        let log = File::create(state.join("log")).unwrap();

        let mut command = Command::new(root().join("scripts/until-eof"));
        match std::env::var("SPIN").ok().filter(|spin| !spin.is_empty()) {
            Some(spin) => command.args([spin.as_str(), "up"]),
            None => command.arg(root().join("target/tools/runner")),
        };
        command
            .arg("--from")
            .arg(root().join("spin.toml"))
            .arg("--runtime-config-file")
            .arg(&runtime_config)
            .arg("--state-dir")
            .arg(&state)
            .args(["--listen", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone().unwrap());
        for (name, value) in settings {
            command.env(format!("SPIN_VARIABLE_{name}"), value);
        }
        command.envs(variables.iter().copied());
        let mut script = command.spawn().expect("scripts/until-eof starts");
        let mut output = BufReader::new(script.stdout.take().unwrap());
        let mut process_group = String::new();
        output.read_line(&mut process_group).unwrap();
        std::thread::spawn(move || std::io::copy(&mut output, &mut { log }));
        let mut application =
            Self { address, process_group: process_group.trim().to_owned(), script };
        application.wait_until_listening(&state);
        application
    }

    fn wait_until_listening(&mut self, state: &Path) {
        let begin = Instant::now();
        while TcpStream::connect(&self.address).is_err() {
            let ended = self.script.try_wait().unwrap();
            if ended.is_some() || begin.elapsed() > Duration::from_mins(2) {
                let log = std::fs::read_to_string(state.join("log")).unwrap_or_default();
                panic!("the application did not start ({ended:?}):\n{log}");
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Ends the application at once, as a power cut would.
    pub fn kill(&self) {
        let group = format!("-{}", self.process_group);
        // It may have ended by itself, which is as good.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.kill();
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
