//! The usage that a tenant has reported.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use super::locked;

/// The reported usage of one resource of a tenant.
#[derive(Default)]
pub struct Usage {
    sums: Mutex<Sums>,
    /// Whether an actor owns the limit.
    is_owned: AtomicBool,
}

#[derive(Default)]
struct Sums {
    /// The sum of all reports, each counted one time.
    attempted: i64,
    /// The sum of the acknowledged reports per day.
    acknowledged: BTreeMap<String, i64>,
    limits: Vec<Limit>,
}

/// A limit. It may apply from the moment at which its request is sent.
struct Limit {
    limit: i64,
    acknowledged: Option<Instant>,
}

impl Usage {
    /// Records a new report before it is sent. Returns the sum that was acknowledged before.
    pub fn attempt(&self, amount: i64) -> i64 {
        let mut sums = locked(&self.sums);
        sums.attempted += amount;
        sums.acknowledged.values().sum()
    }

    /// Records an acknowledged report.
    pub fn acknowledge(&self, day: &str, amount: i64) {
        *locked(&self.sums).acknowledged.entry(day.to_owned()).or_default() += amount;
    }

    /// Returns the sum of all reports.
    pub fn attempted(&self) -> i64 {
        locked(&self.sums).attempted
    }

    /// Returns the acknowledged sums per day.
    pub fn acknowledged(&self) -> BTreeMap<String, i64> {
        locked(&self.sums).acknowledged.clone()
    }

    /// Claims the limit for the caller. Returns whether the claim succeeded.
    pub fn try_own(&self) -> bool {
        !self.is_owned.swap(true, Ordering::SeqCst)
    }

    /// Releases the limit for other actors.
    pub fn disown(&self) {
        self.is_owned.store(false, Ordering::SeqCst);
    }

    /// Records a limit before it is sent. Returns its number.
    pub fn begin_limit(&self, limit: i64) -> usize {
        let mut sums = locked(&self.sums);
        sums.limits.push(Limit { limit, acknowledged: None });
        sums.limits.len() - 1
    }

    /// Records that a limit takes effect at a time.
    pub fn acknowledge_limit(&self, number: usize, time: Instant) {
        locked(&self.sums).limits[number].acknowledged = Some(time);
    }

    /// Returns the highest limit that can apply to a request that started at a time, or `None` if no limit has taken
    /// effect.
    pub fn highest_limit(&self, started: Instant) -> Option<i64> {
        let sums = locked(&self.sums);
        let in_effect = |limit: &Limit| limit.acknowledged.is_some_and(|time| time <= started);
        let last = sums.limits.iter().rposition(in_effect)?;
        sums.limits[last..].iter().map(|limit| limit.limit).max()
    }
}
