//! The personal data of a user: its export, and the erasure of the person (GDPR, articles 15, 17 and 20).
//!
//! Tables without an owner, such as those of files and API keys, do not name the user. The audit trail has the users who
//! created them, so an export has those that the trail still contains.

mod authority;
pub mod erasure;
mod export;
mod receipt;
mod repo;
mod sections;

pub use authority::Authority;
pub use export::Export;
pub use receipt::{Erasure, Receipt, Removed};
pub use sections::PersonalData;
