//! The moment before a PostgreSQL query. It decides how far the result may be trusted.

use std::cell::Cell;

use platform::redis::{ProcessId, Target};

use crate::context::Context;

/// The time that a Redis process last reported to this instance, in seconds since 1970.
#[derive(Default)]
pub(crate) struct LastTime(Cell<Option<(ProcessId, i64)>>);

/// Records the time of Redis in a reply.
pub(crate) fn record_time(context: &Context, process: Option<ProcessId>, seconds: Option<i64>) {
    if let (Some(process), Some(seconds)) = (process, seconds) {
        context.state::<LastTime>().0.set(Some((process, seconds)));
    }
}

/// A point in time and the Redis process of that time.
///
/// A version that PostgreSQL returned may be stored as fresh only in the process that was observed before the query.
/// Another process lacks the newer versions that the observed one has received in the meantime, so it would not
/// recognise an old version that arrives late.
#[derive(Clone, Copy)]
pub(crate) struct Observation {
    process: Option<ProcessId>,
    micros: u64,
    /// A time of Redis before the observation, in seconds since 1970.
    redis_seconds: Option<i64>,
}

impl Observation {
    /// Observes the Redis process of the kept connection. It calls no store.
    pub(crate) fn now(context: &Context) -> Self {
        let process = context.platform.redis.process();
        let last = context.state::<LastTime>().0.get();
        let redis_seconds = last.filter(|last| Some(last.0) == process).map(|last| last.1);
        Self { process, micros: context.platform.clock.monotonic_micros(), redis_seconds }
    }

    /// Returns the observed process; `None` if no connection was kept at that time.
    pub(crate) fn process(&self) -> Option<ProcessId> {
        self.process
    }

    /// Returns the observed process as the only valid target of a command; `None` if no connection was kept at that
    /// time.
    pub(crate) fn target(&self) -> Option<Target> {
        self.process.map(|process| Target { process: Some(process), is_urgent: false })
    }

    /// Returns the whole seconds since the observation, rounded up.
    pub(crate) fn seconds_ago(&self, context: &Context) -> i64 {
        let now = context.platform.clock.monotonic_micros();
        let seconds = now.saturating_sub(self.micros).div_ceil(1_000_000);
        i64::try_from(seconds).unwrap_or(i64::MAX)
    }

    /// Returns a time of Redis before the observation; `None` if Redis has reported none. A command may wait in a
    /// stopped server. Its age then follows from this time, not from the time at which it runs.
    pub(crate) fn redis_seconds(&self) -> Option<i64> {
        self.redis_seconds
    }
}
