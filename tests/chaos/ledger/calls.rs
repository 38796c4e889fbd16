//! The counted calls of a tenant with a small daily limit.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use super::{Tenant, locked};
use crate::timeline::RECOVERY;

/// An instance stores a counter in PostgreSQL within this time, or the instance or Redis is lost before.
pub const STORED_WITHIN: Duration = Duration::from_secs(5);
/// Each instance raises a new Redis process to the usage that it saw within this time after the start of the process.
pub const RAISED_WITHIN: Duration = Duration::from_secs(2);

/// The start and the end of a fault.
pub type Interval = (Instant, Option<Instant>);

/// The faults that may affect counters of calls.
pub struct Faults {
    /// The kills of Redis, until its next process accepts connections.
    redis: Vec<Interval>,
    /// For each kill of Redis, the time from which calls may be in no checkpoint.
    unstored_since: Vec<Instant>,
    /// Whether, for each kill of Redis, a host or Redis was also killed so soon before or after it that the counters of
    /// the other may be lost.
    is_double: Vec<bool>,
}

impl Faults {
    /// Relates the faults to each other. `hosts` are the times at which hosts were killed, and `outages` the sorted times
    /// during which a store was unavailable, so that no checkpoint was written.
    pub fn new(redis: Vec<Interval>, hosts: &[Instant], outages: &[Interval]) -> Self {
        let unstored_since: Vec<_> =
            redis.iter().map(|(killed, _)| unstored_since(*killed, outages)).collect();
        let is_double = redis.iter().zip(&unstored_since).map(|((killed, _), since)| {
            let is_soon = |other: &Instant| {
                other != killed && other >= since && *other <= *killed + STORED_WITHIN
            };
            hosts.iter().any(is_soon) || redis.iter().any(|(other, _)| is_soon(other))
        });
        let is_double = is_double.collect();
        Self { redis, unstored_since, is_double }
    }
}

/// Returns the time before a kill of Redis from which calls may be in no checkpoint.
fn unstored_since(killed: Instant, outages: &[Interval]) -> Instant {
    let mut since = killed.checked_sub(STORED_WITHIN).unwrap_or(killed);
    for (from, to) in outages.iter().rev() {
        // A checkpoint that failed is repeated a moment later.
        let to = to.map_or(killed, |to| (to + RECOVERY).min(killed));
        let overlap = to.saturating_duration_since((*from).max(since));
        since = since.checked_sub(overlap).unwrap_or(since);
    }
    since
}

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

    /// Returns by how many calls the counted ones may exceed the limit.
    pub fn allowance(&self, faults: &Faults) -> usize {
        let mut counted = locked(&self.counted).clone();
        counted.sort();
        let number = |from: Instant, to: Instant| {
            counted.iter().filter(|call| (from..=to).contains(*call)).count()
        };
        let kills: Vec<_> = faults.redis.iter().zip(&faults.unstored_since).collect();
        let lost = counted.iter().filter(|call| {
            let mut doubles = kills.iter().zip(&faults.is_double).filter(|(_, double)| **double);
            doubles.any(|(((killed, _), since), _)| (**since..=*killed).contains(*call))
        });
        // The calls that only other instances saw count again once these have raised the next process.
        let beyond = counted.get(self.limit).copied();
        let unseen = kills.iter().map(|((killed, started), since)| {
            let (Some(beyond), Some(started)) = (beyond, started) else { return 0 };
            let raised = *started + RAISED_WITHIN;
            if beyond > raised {
                return 0;
            }
            number(**since, *killed).min(number(beyond.max(*killed), raised))
        });
        lost.count() + unseen.sum::<usize>()
    }
}
