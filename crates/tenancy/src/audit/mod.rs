//! The audit trail: events with their actor, resource, origin and result.
//!
//! [`flush`] moves events from the outboxes to the trail in the catalog. Each row of the trail is chained to the
//! previous one with a key that is in no database. A row of an outbox without a valid seal ([`crate::event::seal`]) is
//! reported instead of chained ([`forgery`]).
//!
//! The erasure of a person removes values from rows ([`redaction`]). Nothing else changes a row.
//!
//! Under a crash: entries remain in an outbox until the next flush, which the tenant's next event or `tenantctl repair`
//! starts. An entry that was chained but not yet removed from its outbox is recognised by its id and is not chained
//! twice.

mod anchoring;
mod chain;
mod checkpoint;
mod export;
mod flush;
mod forgery;
mod lease;
mod record;
mod redaction;
pub mod reseal;
pub mod retention;
mod rows;
mod sorter;
mod trail;
pub mod transfer;
mod verification;
mod voucher;
mod walk;

pub use anchoring::{Anchoring, anchor_if_due, compare as compare_anchorings, list_chains};
pub use chain::Moved;
pub use export::{Export, Format, csv_field};
pub use flush::{
    count_waiting, flush, flush_catalog, flush_catalog_later, flush_later, recover,
    recover_catalog, try_flush_catalog,
};
pub use lease::Lease;
pub use record::{record, record_later, record_rarely};
pub use redaction::{Person, Redacted, redact};
pub use trail::{Cursor, Filter, LoggedEvent, list, list_of_user};
pub(crate) use trail::{list_with_event, names_user};
pub use verification::{Extent, Link, Verification};
pub use walk::verify;
