//! The command line.

use std::{fs, path::PathBuf};

use clap::{Parser, ValueEnum};
use e2e::root;

/// Runs a mixed load while the application and its stores are killed and stopped, and checks the promises in
/// tests/chaos/README.md.
///
/// The application runs on the Spin binary that SPIN names, or else on tools/runner.
#[derive(Parser, Debug, Clone)]
#[command(name = "chaos")]
pub struct Options {
    /// The duration of the load in seconds. Start and final checks take about 20 seconds more.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    pub seconds: u64,

    /// Determines the schedule of faults and the choices of each actor.
    #[arg(long, default_value_t = 19)]
    pub seed: u64,

    /// The number of hosts. They share all stores.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub hosts: u8,

    /// Plans only this kind of fault. May be repeated. The default is all kinds.
    #[arg(long, value_name = "FAULT")]
    pub only: Vec<Kind>,

    /// Repeats the last run that failed, with its options.
    #[arg(long)]
    pub replay: bool,

    /// Prints the schedule of faults without a run.
    #[arg(long)]
    pub plan: bool,
}

/// A kind of fault.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No faults: only load and invariants.
    None,
    /// Kills a host.
    Host,
    /// Kills Redis. It restarts from a snapshot or empty.
    Redis,
    /// Stops and continues Redis.
    RedisPause,
    /// Kills all PostgreSQL processes.
    Postgres,
    /// Stops and continues all PostgreSQL processes.
    PostgresPause,
}

impl Options {
    /// Reads the command line. With `--replay`, the options of the last failed run replace the others.
    ///
    /// # Errors
    /// Returns the reason why the options of the last failed run cannot be read.
    pub fn read() -> Result<Self, String> {
        let options = Self::parse();
        if !options.replay {
            return Ok(options);
        }
        let file = last_failure();
        let line = fs::read_to_string(&file)
            .map_err(|error| format!("no failed run to repeat ({}: {error})", file.display()))?;
        let words = std::iter::once("chaos").chain(line.split_whitespace());
        Self::try_parse_from(words).map_err(|error| error.to_string())
    }

    /// Returns whether faults of this kind are planned.
    pub fn plans(&self, kind: Kind) -> bool {
        self.only.is_empty() || self.only.contains(&kind)
    }

    /// Returns the command line that repeats this run.
    pub fn line(&self) -> String {
        let Self { seconds, seed, hosts, only, replay: _, plan: _ } = self;
        let mut line = format!("--seconds {seconds} --seed {seed} --hosts {hosts}");
        for kind in only.iter().filter_map(Kind::to_possible_value) {
            line.push_str(" --only ");
            line.push_str(kind.get_name());
        }
        line
    }

    /// Stores the options for `--replay`.
    pub fn keep(&self) -> std::io::Result<()> {
        fs::create_dir_all(folder())?;
        fs::write(last_failure(), self.line())
    }
}

/// Returns the folder for the evidence of failed runs.
pub fn folder() -> PathBuf {
    root().join("target/chaos")
}

fn last_failure() -> PathBuf {
    folder().join("last-failure")
}
