//! The fault schedule, which the seed determines.

use std::{fmt, time::Duration};

use e2e::Restart;

use crate::{
    options::{Kind, Options},
    random::Random,
};

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Kills a host, and restarts it later.
    KillHost { host: usize, down: Duration, aim: Aim },
    /// Kills Redis, and restarts it later.
    KillRedis { down: Duration, restart: Restart },
    /// Stops Redis, and continues it later.
    PauseRedis { pause: Duration },
    /// Makes Redis write a snapshot.
    SaveRedis,
    /// Kills every process of PostgreSQL, and restarts it later.
    KillPostgres { down: Duration, aim: Aim },
    /// Stops every process of PostgreSQL, and continues them later.
    PausePostgres { pause: Duration },
}

/// The moment of a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The planned moment.
    Planned,
    /// This time after the next hard delete of a tenant starts. For PostgreSQL, after its `DROP DATABASE` starts.
    Destruction(Duration),
    /// This time after the next creation of a tenant starts. For PostgreSQL, after its `CREATE DATABASE` starts.
    Creation(Duration),
}

/// A fault, and its time since the start of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: Duration,
    pub fault: Fault,
}

/// A sequence of faults. Faults of different lines overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub name: String,
    pub steps: Vec<Step>,
}

/// The length of a window. Each window ends with a rest.
const WINDOW: Duration = Duration::from_secs(20);
/// The start of the rest within its window. No fault starts during the rest.
const REST: Duration = Duration::from_secs(15);

/// Returns the lines of a run.
pub fn plan(options: &Options) -> Vec<Line> {
    let end = Duration::from_secs(options.seconds);
    let mut lines: Vec<Line> = (0..usize::from(options.hosts))
        .map(|host| {
            let gaps = if options.hosts == 1 { (2_500, 8_000) } else { (4_000, 12_000) };
            line(options, &format!("host {host}"), end, gaps, |random| host_fault(random, host))
        })
        .collect();
    lines.push(line(options, "Redis", end, (200, 1_600), redis_fault));
    lines.push(line(options, "PostgreSQL", end, (2_000, 6_000), postgres_fault));
    lines
}

fn line(
    options: &Options,
    name: &str,
    end: Duration,
    (shortest, longest): (u64, u64),
    mut choose: impl FnMut(&mut Random) -> Fault,
) -> Line {
    let mut random = Random::of(options.seed, name);
    let mut steps = Vec::new();
    let mut at = random.millis(1_000, 4_000);
    while at < end {
        let fault = choose(&mut random);
        let rests = at.as_millis() % WINDOW.as_millis() >= REST.as_millis();
        if !rests && options.plans(fault.kind()) {
            steps.push(Step { at, fault });
        }
        at += fault.lasts() + random.millis(shortest, longest);
    }
    Line { name: name.to_owned(), steps }
}

fn host_fault(random: &mut Random, host: usize) -> Fault {
    let aim = match random.below(4) {
        0 => Aim::Destruction(random.millis(0, 150)),
        1 => Aim::Creation(random.millis(0, 250)),
        _ => Aim::Planned,
    };
    Fault::KillHost { host, down: random.millis(0, 1_500), aim }
}

fn redis_fault(random: &mut Random) -> Fault {
    match random.below(20) {
        0..=9 => Fault::SaveRedis,
        10..=16 => {
            let restart = match random.below(6) {
                0 => Restart::Empty,
                1 | 2 => Restart::Older,
                _ => Restart::Newest,
            };
            // Most faults are so short that the application sees only broken connections.
            let longest = if random.one_in(3) { 3_000 } else { 300 };
            Fault::KillRedis { down: random.millis(0, longest), restart }
        }
        _ => Fault::PauseRedis { pause: random.millis(200, 4_000) },
    }
}

fn postgres_fault(random: &mut Random) -> Fault {
    if random.one_in(4) {
        return Fault::PausePostgres { pause: random.millis(200, 3_000) };
    }
    let aim = match random.below(5) {
        0 | 1 => Aim::Destruction(random.millis(0, 25)),
        2 => Aim::Creation(random.millis(0, 60)),
        _ => Aim::Planned,
    };
    Fault::KillPostgres { down: random.millis(0, 1_500), aim }
}

impl Fault {
    /// Returns the approximate duration of the fault.
    fn lasts(self) -> Duration {
        match self {
            Self::KillHost { down, .. }
            | Self::KillRedis { down, .. }
            | Self::KillPostgres { down, .. } => down,
            Self::PauseRedis { pause } | Self::PausePostgres { pause } => pause,
            Self::SaveRedis => Duration::ZERO,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::KillHost { .. } => Kind::Host,
            // Without a snapshot, a restart of Redis has no data to restore.
            Self::KillRedis { .. } | Self::SaveRedis => Kind::Redis,
            Self::PauseRedis { .. } => Kind::RedisPause,
            Self::KillPostgres { .. } => Kind::Postgres,
            Self::PausePostgres { .. } => Kind::PostgresPause,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillHost { host, down, aim } => {
                write!(out, "kill host {host} for {} ms{aim}", down.as_millis())
            }
            Self::KillRedis { down, restart } => {
                write!(out, "kill Redis for {} ms, restart: {restart:?}", down.as_millis())
            }
            Self::PauseRedis { pause } => write!(out, "stop Redis for {} ms", pause.as_millis()),
            Self::SaveRedis => write!(out, "snapshot of Redis"),
            Self::KillPostgres { down, aim } => {
                write!(out, "kill PostgreSQL for {} ms{aim}", down.as_millis())
            }
            Self::PausePostgres { pause } => {
                write!(out, "stop PostgreSQL for {} ms", pause.as_millis())
            }
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned => Ok(()),
            Self::Destruction(delay) => {
                write!(out, ", {} ms into a hard delete", delay.as_millis())
            }
            Self::Creation(delay) => write!(out, ", {} ms into a creation", delay.as_millis()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(seed: u64) -> Options {
        let only = Vec::new();
        Options { seconds: 600, seed, hosts: 2, only, replay: false, plan: false }
    }

    #[test]
    fn equal_seeds_produce_equal_plans() {
        assert_eq!(plan(&options(7)), plan(&options(7)));
        assert_ne!(plan(&options(7)), plan(&options(8)));
    }
}
