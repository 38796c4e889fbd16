//! The counted calls of a tenant with a small daily limit.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{Tenant, locked};

/// Counted calls that were acknowledged within this time before the loss of Redis may be lost, if a host was killed or
/// Redis was lost again within the same time. Otherwise an instance stores the counter in PostgreSQL within this time.
pub const FORFEITED_WITHIN: Duration = Duration::from_secs(5);

/// A tenant with a small call limit.
pub struct CallLimit {
    pub tenant: Arc<Tenant>,
    pub limit: usize,
    counted: Mutex<Vec<Instant>>,
}

impl CallLimit {
    /// Creates the record of a tenant whose limit has taken effect.
    pub fn new(tenant: &Arc<Tenant>, limit: usize) -> Self {
        Self { tenant: Arc::clone(tenant), limit, counted: Mutex::default() }
    }

    /// Records a call that was accepted and counted.
    pub fn count(&self, ended: Instant) {
        locked(&self.counted).push(ended);
    }

    /// Returns the number of counted calls.
    pub fn counted(&self) -> usize {
        locked(&self.counted).len()
    }

    /// Returns the number of counted calls that may be lost because Redis and a host, or Redis twice, were killed.
    pub fn forfeited(&self, redis: &[Instant], hosts: &[Instant]) -> usize {
        let between = |one: Instant, other: Instant| {
            one.saturating_duration_since(other).max(other.saturating_duration_since(one))
        };
        let is_soon = |one: Instant, other: Instant| between(one, other) <= FORFEITED_WITHIN;
        let both = redis.iter().filter(|killed| {
            hosts.iter().any(|host| is_soon(*host, **killed))
                || redis.iter().any(|other| other != *killed && is_soon(*other, **killed))
        });
        let both: Vec<_> = both.collect();
        let is_forfeited = |call: &&Instant| {
            both.iter().any(|killed| {
                **call <= **killed && killed.saturating_duration_since(**call) <= FORFEITED_WITHIN
            })
        };
        locked(&self.counted).iter().filter(is_forfeited).count()
    }
}
