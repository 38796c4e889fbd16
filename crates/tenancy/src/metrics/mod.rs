//! Metrics: counted in each instance, added up in Redis every few seconds, shown in the text format of
//! Prometheus.
//!
//! Labels are routes, methods, statuses and names of this program: none has values that a caller
//! makes up. What an instance has counted and not written when it is killed is lost: at most the last
//! five seconds.

mod counters;
mod metered;
mod render;

pub use counters::Counters;
pub(crate) use counters::{Login, Timer};
pub(crate) use metered::{MeteredRedis, MeteredSql};
pub use render::render;
