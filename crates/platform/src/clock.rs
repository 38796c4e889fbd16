//! The clock, as a trait, so that tests can control the time.

use chrono::{DateTime, Utc};

/// A clock.
pub trait Clock {
    /// Returns the time of day in UTC, with the microsecond precision of PostgreSQL.
    fn now(&self) -> DateTime<Utc>;

    /// Returns microseconds since a fixed moment. The value never decreases.
    fn monotonic_micros(&self) -> u64;

    /// Returns the time of day and [`Clock::monotonic_micros`] for the same moment. The time of day may be computed
    /// from a reading that is up to a second old.
    fn moment(&self) -> (DateTime<Utc>, u64) {
        (self.now(), self.monotonic_micros())
    }
}
