//! Keys and sealing.
//!
//! The master key seals what the catalog keeps secret: each tenant's data key and its database
//! password. A sealed value opens only for the tenant and the purpose it was sealed for. There is
//! no fallback to plain text, and nothing is sealed with the operator's text itself: keys are
//! derived from it, one for each use.
//!
//! While the master key is rotated there are several, in another order on each instance. What has to
//! be the same on all of them follows from a tenant's data key, which is the same under each.

mod audit_check;
mod data_keys;
mod derived;
mod fingerprints;
mod master_key;
mod sealed;

pub(crate) use audit_check::AuditCheck;
pub use data_keys::DataKeys;
pub use fingerprints::Fingerprints;
pub use master_key::{MasterKey, Sealer};
pub use sealed::{HEAD, Purpose, Sealed};
