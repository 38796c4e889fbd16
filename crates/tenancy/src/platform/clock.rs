//! The time, as a parameter, so that tests can move it.

use chrono::{DateTime, Utc};

/// A source of the time.
pub trait Clock {
    /// The time of day, in UTC, to the microsecond (what PostgreSQL keeps).
    fn now(&self) -> DateTime<Utc>;

    /// Microseconds since some fixed moment; never goes back.
    fn monotonic_micros(&self) -> u64;

    /// The time of day and the microseconds of [`Clock::monotonic_micros`] at one moment. The time of
    /// day may be reckoned from one that was read up to a second before.
    fn moment(&self) -> (DateTime<Utc>, u64) {
        (self.now(), self.monotonic_micros())
    }
}
