//! Keys and sealing.
//!
//! The master key seals the secrets in the catalog: each tenant's data keys and database password. A sealed value can
//! be unsealed only for the tenant and the purpose for which it was sealed. There is no fallback to plain text. The
//! operator's text is never used as a key directly: a separate key is derived from it for each use.
//!
//! During a rotation there are several master keys, and instances may differ in which one is current. Values that must
//! be the same on all instances are derived from a tenant's data key, which does not depend on the master key.

pub(crate) mod aead;
mod audit_check;
mod data_keys;
mod derived;
mod ed25519;
mod fingerprints;
mod master_key;
mod sealed;

pub(crate) use audit_check::AuditCheck;
pub use data_keys::DataKeys;
pub use ed25519::{Ed25519Key, Ed25519VerifyingKey};
pub use fingerprints::Fingerprints;
pub use master_key::{MasterKey, Sealer};
pub use sealed::{HEAD, Purpose, Sealed};
