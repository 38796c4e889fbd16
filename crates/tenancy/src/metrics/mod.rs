//! Metrics: counted in each instance, added up in Redis every few seconds ([`crate::counter_sums`]), and rendered in
//! the text format of Prometheus ([`crate::reports`]).
//!
//! Labels are routes, methods, statuses and names from this program. No label has a value that a caller chooses.
//! Killing an instance loses the counts that it has not written, which are at most those of the last five seconds.

pub(crate) mod counters;
mod metered;

pub use counters::Counters;
pub(crate) use counters::{BreachedPasswordCheck, Lease, Login, Timer};
pub(crate) use metered::{MeteredRedis, MeteredSql};
