//! Faults of the servers: kills, stops and restarts with the same data and port.

use std::{
    fs,
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    sync::PoisonError,
    thread::sleep,
    time::{Duration, Instant},
};

use crate::{Services, root};

/// The number of snapshots that are kept in addition to the newest.
const OLDER: usize = 3;
/// The time within which a store must listen.
const START: Duration = Duration::from_mins(1);

/// The data with which Redis restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// The newest snapshot.
    Newest,
    /// An older snapshot.
    Older,
    /// Nothing.
    Empty,
}

impl Services {
    /// Makes Redis write a snapshot, and keeps a copy.
    pub fn save_redis(&self) {
        let saved = Command::new("timeout")
            .args(["10", "redis-cli", "-p", self.value("REDIS_PORT"), "SAVE"])
            .env("REDISCLI_AUTH", self.value("REDIS_PASSWORD"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(saved.expect("redis-cli runs").success(), "Redis writes a snapshot");
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        snapshots.push(fs::read(self.snapshot()).expect("the snapshot can be read"));
        if snapshots.len() > OLDER + 1 {
            snapshots.remove(0);
        }
    }

    /// Kills Redis.
    pub fn kill_redis(&self) {
        signal("KILL", &[self.redis()]);
        wait_until("Redis is gone", || !is_listening(self.value("REDIS_PORT")));
    }

    /// Starts Redis again with this data.
    pub fn start_redis(&self, restart: Restart) {
        let snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        match restart {
            Restart::Newest => {}
            Restart::Older => {
                // The oldest copy. Without a copy, no snapshot exists.
                if let Some(snapshot) = snapshots.first() {
                    fs::write(self.snapshot(), snapshot).expect("the snapshot can be written");
                }
            }
            Restart::Empty => {
                let _ = fs::remove_file(self.snapshot());
            }
        }
        let started = Command::new("redis-server")
            .arg(self.folder_of("redis").join("redis.conf"))
            .stdout(Stdio::null())
            .status();
        assert!(started.expect("redis-server runs").success(), "Redis starts again");
        wait_until("Redis listens", || is_listening(self.value("REDIS_PORT")));
    }

    /// Pauses Redis. It keeps its connections but does not respond.
    pub fn pause_redis(&self) {
        signal("STOP", &[self.redis()]);
    }

    /// Resumes Redis.
    pub fn resume_redis(&self) {
        signal("CONT", &[self.redis()]);
    }

    /// Kills all PostgreSQL processes.
    pub fn kill_postgres(&self) {
        let processes = self.stopped_postgres();
        signal("KILL", &processes);
        wait_until("PostgreSQL is gone", || processes.iter().all(|process| !is_alive(*process)));
    }

    /// Starts PostgreSQL again, which recovers from the crash.
    pub fn start_postgres(&self) {
        let script = root().join("scripts/restart-postgres");
        let started = Command::new(script).arg(self.folder_of("postgres")).status();
        assert!(started.expect("scripts/restart-postgres runs").success(), "PostgreSQL starts");
    }

    /// Returns whether a PostgreSQL process runs this kind of statement, according to its process title.
    pub fn is_running(&self, statement: &str) -> bool {
        let title = |process: &u32| {
            let title = fs::read_to_string(format!("/proc/{process}/cmdline"));
            title.is_ok_and(|title| title.contains(statement))
        };
        children(self.postgres()).iter().any(title)
    }

    /// Pauses all PostgreSQL processes. Returns the processes for [`Self::resume_postgres`].
    pub fn pause_postgres(&self) -> Vec<u32> {
        self.stopped_postgres()
    }

    /// Resumes the PostgreSQL processes.
    pub fn resume_postgres(&self, processes: &[u32]) {
        signal("CONT", processes);
    }

    /// Pauses PostgreSQL. The main process stops first, so that it starts no process that is missing from the list.
    fn stopped_postgres(&self) -> Vec<u32> {
        let server = self.postgres();
        signal("STOP", &[server]);
        let mut processes = vec![server];
        processes.extend(children(server));
        signal("STOP", &processes);
        processes
    }

    fn postgres(&self) -> u32 {
        first_number(&self.folder_of("postgres").join("data/postmaster.pid"))
    }

    fn redis(&self) -> u32 {
        first_number(&self.folder_of("redis").join("redis.pid"))
    }

    fn snapshot(&self) -> PathBuf {
        self.folder_of("redis").join("dump.rdb")
    }

    fn folder_of(&self, store: &str) -> PathBuf {
        self.folder().join(store)
    }
}

fn first_number(file: &std::path::Path) -> u32 {
    let text = fs::read_to_string(file).expect("the file of the process can be read");
    text.lines().next().and_then(|line| line.trim().parse().ok()).expect("it has a process id")
}

/// Returns the child processes of a process (proc(5)).
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_parent = processes.filter_map(|process| {
        let stat = fs::read_to_string(process.path().join("stat")).ok()?;
        let (_, fields) = stat.rsplit_once(") ")?;
        let is_child = fields.split(' ').nth(1)?.parse() == Ok(parent);
        is_child.then(|| process.file_name().to_string_lossy().parse().ok()).flatten()
    });
    of_parent.collect()
}

/// Returns whether a process exists and is not a zombie.
fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

/// Sends a signal. Processes that have ended meanwhile are ignored.
fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(u32::to_string);
    let sent =
        Command::new("kill").arg(format!("-{name}")).args(processes).stderr(Stdio::null()).status();
    assert!(sent.is_ok(), "kill runs");
}

fn is_listening(port: &str) -> bool {
    TcpStream::connect(format!("127.0.0.1:{port}")).is_ok()
}

fn wait_until(state: &str, is_reached: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_reached() {
        assert!(begin.elapsed() < START, "{state}");
        sleep(Duration::from_millis(10));
    }
}
