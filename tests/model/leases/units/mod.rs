//! Units: instances admit calls of a user and of an API key. The tenant's limit counts the calls of both.
//!
//! The model has no time. An instance ends the use of a lease at any time, but always before its first window ends.
//! A call to Redis is repeated after a lost reply, although the script has run. A checkpoint reads the tenant's counter
//! at any time. If it finds the same lease without a report twice, it declares the units as used, even while an
//! instance holds them.
//!
//! Each Redis process has counters of its own. The usage that it receives from an earlier process is not modelled.

mod flaw;
mod instance;
mod properties;
mod redis;
mod steps;
#[cfg(test)]
mod tests;

use stateright::{Model, Property};

pub use flaw::Flaw;
use instance::Instance;
pub use properties::{CHECKPOINT, CONSERVATION, LIMIT};
use redis::{Caller, Number, Process, Redis};

/// The protocol, or a broken variant of it.
pub struct Units {
    pub flaw: Option<Flaw>,
    pub bounds: Bounds,
}

/// The maximum numbers of events that would make the state space infinite or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// The number of instances.
    pub instances: u8,
    /// Calls to Redis.
    pub calls: u8,
    /// Ends of windows.
    pub window_ends: u8,
    /// Checkpoints.
    pub checkpoints: u8,
    /// Limits that the API key receives later.
    pub new_limits: u8,
    /// Replies and reports that are lost.
    pub losses: u8,
    /// Crashes of instances.
    pub crashes: u8,
    /// Restarts of Redis.
    pub redis_restarts: u8,
}

impl Bounds {
    /// Returns the number of events that may forfeit units.
    fn faults(self) -> u8 {
        self.losses + self.crashes + self.redis_restarts
    }
}

/// The state of Redis, of all instances and of the checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    redis: Redis,
    instances: Vec<Instance>,
    /// The tenant's usage in its current window, as PostgreSQL has it.
    checkpoint: i8,
    /// The last lease at the previous checkpoint.
    last: Option<(Process, Number)>,
    /// The checkpoints since the last event of another kind; two at most.
    checkpoints_at_rest: u8,
    /// Whether a checkpoint has declared units as used that an instance held.
    has_early_checkpoint: bool,
    has_used_unit: bool,
    /// The events that may still happen.
    left: Bounds,
}

/// An event. Instances have the numbers of their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An instance admits a call with a unit.
    UnitIsUsed(usize, Caller),
    /// An instance calls Redis, and reports a finished lease with the call.
    CallStarts(usize, Caller),
    /// An instance renews a lease in the background. It reports a finished lease with the same call.
    RenewalStarts(usize, Caller),
    /// Redis receives a call.
    RedisReceives(usize),
    /// An instance receives the reply to its call.
    ReplyArrives(usize),
    /// A reply is lost, and the call is repeated.
    ReplyIsLost(usize),
    /// An instance ends the use of a lease.
    LeaseEnds(usize, Caller),
    /// Redis receives a report in the background.
    ReportArrives(usize),
    /// Redis receives a report in the background twice.
    ReportArrivesTwice(usize),
    /// A report is lost.
    ReportIsLost(usize),
    /// An instance restarts.
    InstanceCrashes(usize),
    /// The window of a limit ends, and the next one starts.
    WindowEnds(usize),
    /// The API key receives a limit.
    LimitIsSet,
    /// Redis restarts empty.
    RedisRestarts,
    /// A checkpoint is stored.
    Checkpoint,
}

impl Model for Units {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let has_limit = [true, self.bounds.new_limits == 0];
        vec![State {
            redis: Redis::start(0, has_limit, 0),
            instances: vec![Instance::default(); self.bounds.instances.into()],
            checkpoint: 0,
            last: None,
            checkpoints_at_rest: 0,
            has_early_checkpoint: false,
            has_used_unit: false,
            left: self.bounds,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        steps::possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        steps::take(self, &mut next, action)?;
        if action != Action::Checkpoint {
            next.checkpoints_at_rest = 0;
        }
        // Instances are equal. One order of them is enough.
        for instance in &mut next.instances {
            instance.current.sort();
            instance.finished.sort();
        }
        next.instances.sort();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
