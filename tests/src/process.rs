//! A program that stops when this process ends, even after a crash (`scripts/until-eof`).

use std::{
    ffi::OsStr,
    fs::File,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use crate::root;

/// A running program with its child processes. It stops when this value is dropped or when this process ends.
pub struct Process {
    group: String,
    log: PathBuf,
    /// The program stops when the standard input of this script closes.
    script: Child,
}

impl Process {
    /// Returns a command for [`Process::start`].
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(root().join("scripts/until-eof"));
        command.arg(program);
        command
    }

    /// Starts a command. Its output is appended to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let log_file = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file.try_clone().unwrap());
        let mut script = command.spawn().expect("scripts/until-eof starts");
        let mut output = BufReader::new(script.stdout.take().unwrap());
        let mut group = String::new();
        output.read_line(&mut group).unwrap();
        std::thread::spawn(move || std::io::copy(&mut output, &mut { log_file }));
        Self { group: group.trim().to_owned(), log: log.to_owned(), script }
    }

    /// Waits until the program listens on an address.
    pub fn wait_until_listening(&mut self, address: &str) {
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = self.script.try_wait().unwrap();
            if ended.is_some() || begin.elapsed() > Duration::from_mins(2) {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("the program for {address} did not start ({ended:?}):\n{log}");
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Returns the resident memory of its processes, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let of_group = processes.map(|process| process.path()).filter(|process| {
            let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
            // State, parent and group follow the name, which may contain spaces (proc(5)).
            let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
            fields.split(' ').nth(2) == Some(self.group.as_str())
        });
        let resident = of_group.filter_map(|process| {
            let status = std::fs::read_to_string(process.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
        });
        resident.sum()
    }

    /// Kills the program immediately, like a power failure.
    pub fn kill(&self) {
        let group = format!("-{}", self.group);
        // The program may already have ended, which is fine.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }

    /// Kills the program, and waits until it has ended.
    pub(crate) fn end(&mut self) {
        self.kill();
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
