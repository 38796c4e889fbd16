//! The counted calls of a tenant with a small limit by the day.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{Tenant, locked};

/// Counted calls that were acknowledged so long before the loss of Redis may be lost with it, if a host
/// was killed as well. Otherwise an instance keeps the counter in PostgreSQL within this time.
pub const FORFEITED_WITHIN: Duration = Duration::from_secs(5);

/// A tenant with a small limit of calls.
pub struct CallLimit {
    pub tenant: Arc<Tenant>,
    pub limit: usize,
    counted: Mutex<Vec<Instant>>,
}

impl CallLimit {
    /// A tenant whose limit has taken effect.
    pub fn new(tenant: &Arc<Tenant>, limit: usize) -> Self {
        Self { tenant: Arc::clone(tenant), limit, counted: Mutex::default() }
    }

    /// Records a call that was accepted and counted.
    pub fn count(&self, ended: Instant) {
        locked(&self.counted).push(ended);
    }

    /// How many calls were counted.
    pub fn counted(&self) -> usize {
        locked(&self.counted).len()
    }

    /// How many of the counted calls may have been lost when both Redis and a host were killed.
    pub fn forfeited(&self, redis: &[Instant], hosts: &[Instant]) -> usize {
        let between = |one: Instant, other: Instant| {
            one.saturating_duration_since(other).max(other.saturating_duration_since(one))
        };
        let both = redis
            .iter()
            .filter(|killed| hosts.iter().any(|host| between(*host, **killed) <= FORFEITED_WITHIN));
        let both: Vec<_> = both.collect();
        let is_forfeited = |call: &&Instant| {
            both.iter().any(|killed| {
                **call <= **killed && killed.saturating_duration_since(**call) <= FORFEITED_WITHIN
            })
        };
        locked(&self.counted).iter().filter(is_forfeited).count()
    }
}
