//! Executes the fault schedule.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::{Application, Restart};

use crate::{
    context::Context,
    plan::{Aim, Fault, Line},
    stores::Stores,
    timeline::Effect,
};

/// The time for which a kill waits for its target operation.
const AIM: Duration = Duration::from_secs(4);

/// The number of running operations that a kill can target.
#[derive(Default)]
pub struct Targets {
    pub destructions: AtomicU32,
    pub creations: AtomicU32,
}

impl Targets {
    /// Counts an operation while it runs.
    pub fn during<T>(target: &AtomicU32, operation: impl FnOnce() -> T) -> T {
        target.fetch_add(1, Ordering::Relaxed);
        let result = operation();
        target.fetch_sub(1, Ordering::Relaxed);
        result
    }
}

/// Ends the load if the harness panics, because without the store the load finds nothing.
struct StopsOnPanic<'a>(&'a Context);

impl Drop for StopsOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// Executes the faults of a line, each at its time after `begin`. At the end of the line all servers run again.
pub fn run(
    context: &Context,
    stores: &Stores,
    hosts: &[Mutex<Application>],
    line: &Line,
    begin: Instant,
) {
    let _guard = StopsOnPanic(context);
    for step in &line.steps {
        let due = begin + step.at;
        sleep(due.saturating_duration_since(Instant::now()));
        if !context.is_running() {
            return;
        }
        carry_out(context, stores, hosts, step.fault);
    }
}

fn carry_out(context: &Context, stores: &Stores, hosts: &[Mutex<Application>], fault: Fault) {
    let during = |effect: Effect, lasts: Duration, act: &dyn Fn(), undo: &dyn Fn()| {
        let lasting = context.timeline.start(effect, fault.to_string());
        act();
        sleep(lasts);
        undo();
        context.timeline.end(&lasting);
    };
    match fault {
        Fault::KillHost { host, down, aim } => {
            take_aim(aim, |operation| operation.under_way(context).load(Ordering::Relaxed) > 0);
            let lock = || hosts[host].lock().unwrap_or_else(PoisonError::into_inner);
            let kill = || lock().kill();
            during(Effect::HostKilled, down, &kill, &|| lock().restart());
        }
        Fault::KillRedis { down, restart } => {
            let start = || stores.start_redis(restart);
            during(Effect::RedisKilled, down, &|| stores.kill_redis(), &start);
            if restart == Restart::Older {
                // The next snapshot contains this state.
                stores.save_redis();
            }
        }
        Fault::PauseRedis { pause } => {
            let (stop, resume) = (|| stores.pause_redis(), || stores.resume_redis());
            during(Effect::Paused, pause, &stop, &resume);
        }
        Fault::SaveRedis => {
            during(Effect::Saved, Duration::ZERO, &|| stores.save_redis(), &|| ());
        }
        Fault::KillPostgres { down, aim } => {
            take_aim(aim, |operation| stores.is_running(operation.statement()));
            let start = || stores.start_postgres();
            during(Effect::PostgresKilled, down, &|| stores.kill_postgres(), &start);
        }
        Fault::PausePostgres { pause } => {
            let lasting = context.timeline.start(Effect::Paused, fault.to_string());
            let processes = stores.pause_postgres();
            sleep(pause);
            stores.resume_postgres(&processes);
            context.timeline.end(&lasting);
        }
    }
}

/// An operation that a kill can target.
#[derive(Clone, Copy)]
enum Operation {
    Destruction,
    Creation,
}

impl Operation {
    fn under_way(self, context: &Context) -> &AtomicU32 {
        match self {
            Self::Destruction => &context.targets.destructions,
            Self::Creation => &context.targets.creations,
        }
    }

    /// Returns its longest statement, which the title of a PostgreSQL process shows.
    fn statement(self) -> &'static str {
        match self {
            Self::Destruction => "DROP DATABASE",
            Self::Creation => "CREATE DATABASE",
        }
    }
}

/// Waits for the target operation of a kill, for a limited time.
fn take_aim(aim: Aim, is_under_way: impl Fn(Operation) -> bool) {
    let (operation, delay) = match aim {
        Aim::Planned => return,
        Aim::Destruction(delay) => (Operation::Destruction, delay),
        Aim::Creation(delay) => (Operation::Creation, delay),
    };
    let begin = Instant::now();
    while !is_under_way(operation) && begin.elapsed() < AIM {
        sleep(Duration::from_millis(1));
    }
    sleep(delay);
}
