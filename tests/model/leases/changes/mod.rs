//! Changes: two instances admit requests of one credential, and a revoker revokes it.
//!
//! PostgreSQL has one version of the credential. The change replaces the old version with the new one, so a request of
//! the credential is admitted on the old version and refused on the new one. All requests belong to one tenant.
//!
//! [`Bounds`] limits the events that would make the state space infinite. Requests that a lease covers have no limit.
//!
//! A lost message is a message that never arrives. The one second of a cached version only shortens its use, so the
//! model does not have it. A cache entry may become stale at any time.

mod flaw;
mod instance;
mod properties;
mod redis;
mod request;
mod revoker;
mod serving;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use stateright::{Model, Property};

pub use flaw::Flaw;
use instance::{Began, Instance};
pub use properties::{ACKNOWLEDGED, REFUSED};
use redis::{Process, Redis, Version};
use revoker::{Progress, Revoker};
use serving::Known;

use crate::time::Timer;

/// The protocol, or a broken variant of it.
pub struct Changes {
    pub flaw: Option<Flaw>,
    pub bounds: Bounds,
}

/// The maximum numbers of events that would make the state space infinite or too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Requests that need a call.
    pub calls: u8,
    /// Ends of the freshness of the entry.
    pub expiries: u8,
    /// Restarts of Redis.
    pub redis_restarts: u8,
    /// Crashes of instances.
    pub instance_crashes: u8,
    /// Crashes of the revoker.
    pub revoker_crashes: u8,
    /// Ticks that one clock gains on the others.
    pub gains: u8,
}

/// The state of all processes and of the network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    postgres: Version,
    redis: Redis,
    instances: Vec<Instance>,
    revoker: Revoker,
    /// Old versions from PostgreSQL that are on their way to a Redis process.
    stores: BTreeSet<Process>,
    /// The events that may still happen.
    left: Bounds,
    /// Whether an instance refused the credential.
    is_refused: bool,
    /// The events before the begin of the requests that were admitted.
    admitted: Began,
}

/// An event. Instances and calls have the numbers of their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// All clocks move forward.
    Tick,
    /// The clock of an instance gains a tick.
    InstanceGains(usize),
    /// The clock of the revoker gains a tick.
    RevokerGains,
    /// The clock of Redis gains a tick.
    RedisGains,
    /// Redis restarts empty.
    RedisRestarts,
    /// The entry of the credential becomes stale.
    EntryExpires,
    /// An instance restarts.
    InstanceCrashes(usize),
    /// A request arrives at an instance.
    RequestArrives(usize),
    /// A request arrives at an instance that requests a lease with it.
    LeaseIsDue(usize),
    /// The next step of a call.
    CallProceeds(usize, usize),
    /// An instance reports the end of one of its leases and of all earlier ones.
    InstanceReports(usize, usize),
    /// Redis receives an old version.
    StoreArrives(Process),
    /// Another instance queries PostgreSQL, and Redis receives the old version.
    OtherInstanceStores,
    /// The revoker reads the name of the Redis process.
    RevokerConnects,
    /// The next step of the change.
    ChangeProceeds,
    /// The revoker restarts before it acknowledges the change.
    RevokerCrashes,
}

impl State {
    /// Forgets the messages to earlier Redis processes that have no effect.
    fn forget_ended_process(&mut self, flaw: Option<Flaw>) {
        let current = self.redis.process;
        self.stores.retain(|process| *process == current);
        if flaw != Some(Flaw::ReportReachesOtherProcess) {
            for instance in &mut self.instances {
                instance.endings.retain(|ending| ending.process == current);
            }
        }
    }
}

impl Model for Changes {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        // No process came before the first one.
        let known = Some(Known { process: 0, timer: Timer::start(0) });
        vec![State {
            postgres: Version::Old,
            redis: Redis::start(0),
            instances: vec![Instance { known, ..Instance::default() }; 2],
            revoker: Revoker { known, progress: Progress::Idle, has_crashed: false },
            stores: BTreeSet::new(),
            left: self.bounds,
            is_refused: false,
            admitted: Began::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        steps::possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        steps::take(self, &mut next, action)?;
        next.forget_ended_process(self.flaw);
        // Instances are equal, and so are the calls of one. One order of them is enough.
        for instance in &mut next.instances {
            instance.calls.sort();
            instance.endings.sort();
        }
        next.instances.sort();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
