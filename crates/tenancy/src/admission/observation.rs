//! The moment before PostgreSQL is asked, which decides how far its answer may be trusted.

use std::cell::Cell;

use super::known::Found;
use crate::{
    platform::redis::{ProcessId, Target},
    tenancy::Tenancy,
};

/// The time that a Redis process last reported to this instance, in seconds since 1970.
#[derive(Default)]
pub(crate) struct LastTime(Cell<Option<(ProcessId, i64)>>);

/// Notes the time of Redis of a reply.
pub(super) fn note_time(tenancy: &Tenancy, found: &Found) {
    if let (Some(process), Some(seconds)) = (found.process, found.redis_seconds) {
        tenancy.last_redis_time.0.set(Some((process, seconds)));
    }
}

/// A point in time with the Redis process of that time.
///
/// A version that PostgreSQL returned may be stored as fresh only in the process that was observed before the
/// question. Another process has lost the newer versions that the observed one received in the meantime, so an
/// old version that arrives late would not be recognised there.
#[derive(Clone, Copy)]
pub(crate) struct Observation {
    process: Option<ProcessId>,
    micros: u64,
    /// A time of Redis before the observation.
    redis_seconds: Option<i64>,
}

impl Observation {
    /// Observes the Redis process behind the kept connection. No call of a store is made.
    pub(crate) fn now(tenancy: &Tenancy) -> Self {
        let process = tenancy.platform.redis.process();
        let last = tenancy.last_redis_time.0.get();
        let redis_seconds = last.filter(|last| Some(last.0) == process).map(|last| last.1);
        Self { process, micros: tenancy.platform.clock.monotonic_micros(), redis_seconds }
    }

    /// Returns the observed process as the only one that a command may run on; `None` when no connection was
    /// kept then.
    pub(super) fn target(&self) -> Option<Target> {
        self.process.map(|process| Target { process: Some(process), is_urgent: false })
    }

    /// Returns the whole seconds since the observation, rounded up.
    pub(super) fn seconds_ago(&self, tenancy: &Tenancy) -> i64 {
        let now = tenancy.platform.clock.monotonic_micros();
        let seconds = now.saturating_sub(self.micros).div_ceil(1_000_000);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }

    /// Returns a time of Redis before the observation; `None` when Redis reported none. A command may wait in a
    /// server that is stopped: its age follows from this time then, not from the time at which it runs.
    pub(super) fn redis_seconds(&self) -> Option<i64> {
        self.redis_seconds
    }
}
