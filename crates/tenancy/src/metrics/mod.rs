//! Metrics: counted in each instance, added up in Redis every few seconds, and rendered in the text format of
//! Prometheus.
//!
//! Labels are routes, methods, statuses and names from this program. No label has a value that a caller chooses.
//! Killing an instance loses the counts that it has not written, which are at most those of the last five seconds.

mod counters;
mod metered;
mod render;

pub use counters::Counters;
pub(crate) use counters::{Login, Timer};
pub(crate) use metered::{MeteredRedis, MeteredSql};
pub use render::render;
