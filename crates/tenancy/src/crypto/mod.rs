//! Keys and sealing.
//!
//! The master key seals what the catalog keeps secret: each tenant's data key and its database
//! password. A sealed value opens only for the tenant and the purpose it was sealed for. There is
//! no fallback to plain text, and nothing is sealed with the operator's text itself: keys are
//! derived from it, one for each use.

mod data_keys;
mod master_key;
mod sealed;

pub use data_keys::DataKeys;
pub use master_key::MasterKey;
pub use sealed::{Purpose, Sealed};
