//! Audit events, their actors, and the outbox in which they wait for the trail.
//!
//! An [`Entry`] is written to an outbox in the same statement as the change that it records, so neither exists without
//! the other. From there, [`crate::audit`] moves it to the trail.
//!
//! A tenant's role may write to the outbox in its database, so each event has a seal ([`seal`]).

mod actor;
pub(crate) mod content;
mod entry;
pub mod name;
pub(crate) mod outbox;
pub(crate) mod receipt;
pub(crate) mod seal;

pub use actor::{Actor, Origin};
pub use entry::{Entry, Event, Severity};
