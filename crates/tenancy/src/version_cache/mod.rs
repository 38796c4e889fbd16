//! The version cache in Redis: a stale-while-revalidate cache (RFC 5861) of the versions of tenants, users, sessions
//! and API keys.
//!
//! PostgreSQL is the source of truth. An entry has a version and the time of its last comparison with PostgreSQL. A
//! change publishes its version before it is acknowledged ([`Change`]). [`crate::admission`] reads the entries and
//! states the invariant that they keep.

mod change;
mod entry;
mod expiry;
mod observation;
pub mod queue;
mod snapshot;

pub(crate) use change::Change;
pub use change::{Changed, Effect};
pub(crate) use entry::{Cause, Entry, OPEN, TOMBSTONE, confirm, invalidate};
pub use expiry::expire_all;
pub(crate) use observation::{Observation, record_time};
pub(crate) use snapshot::{Cached, Snapshot, newest, seal};
