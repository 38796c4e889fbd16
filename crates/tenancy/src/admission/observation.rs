//! The moment before PostgreSQL is asked, which decides how far its answer may be trusted.

use crate::{
    platform::redis::{ProcessId, Target},
    tenancy::Tenancy,
};

/// A point in time with the Redis process of that time.
///
/// A version that PostgreSQL returned may be stored as fresh only in the process that was observed before the
/// question. Another process has lost the newer versions that the observed one received in the meantime, so an
/// old version that arrives late would not be recognised there.
#[derive(Clone, Copy)]
pub(crate) struct Observation {
    process: Option<ProcessId>,
    micros: u64,
}

impl Observation {
    /// Observes the Redis process behind the kept connection. No call of a store is made.
    pub(crate) fn now(tenancy: &Tenancy) -> Self {
        Self {
            process: tenancy.platform.redis.process(),
            micros: tenancy.platform.clock.monotonic_micros(),
        }
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
}
