//! Quotas: exact limits on the resources of a tenant, also under concurrent requests.
//!
//! Redis counts the resources that are limited per UTC day, and PostgreSQL stores the counts; see [`checkpoint`]. If
//! Redis is unavailable, nothing is counted and no request is refused. Users and bytes of files are counted in the
//! tenant's own database.

mod carry;
pub(crate) mod checkpoint;
mod counter;
mod daily;
mod day;
mod meter;
mod peak;
pub mod repo;
pub(crate) mod seen;
mod warning;

pub(crate) use carry::{CARRY, carry_over};
pub(crate) use counter::{Counter, KEPT};
pub(crate) use daily::current;
pub use daily::{Reported, consume, report};
pub(crate) use day::{day_number, day_of};
pub use meter::{Limit, Meter};
pub(crate) use peak::keep_peak_later;
pub use warning::{SOFT_LIMIT_PERCENT, is_near};
pub use warning::{comes_near, record_refusal, record_soft_limit};
