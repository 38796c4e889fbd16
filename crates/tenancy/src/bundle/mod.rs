//! A tenant as a unit: export to a bundle, import, clone, backup and restore.
//!
//! A bundle is an encrypted file, which `tenantctl` writes and reads (docs/bundle.md). This module has the rules: the rows
//! of the catalog in a bundle ([`rows`]), the reservation of an imported tenant ([`import`]), its activation
//! ([`completion`]), and the switch to a restored database ([`restore`], [`revocation`]).
//!
//! Under a crash: an import has a row in `tenant_imports` from its first statement on. Until its last statement the
//! tenant is in `provisioning` and accepts no requests. A restore fills a database beside the tenant's own one, and one
//! statement exchanges their names. Repeating the command or `tenantctl repair` removes an unfinished import, and finishes
//! or removes a restore.

pub mod completion;
pub mod import;
pub mod lock;
pub mod origin;
pub mod restore;
pub mod revocation;
pub mod rows;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    context::Context,
    crypto::{DataKeys, Purpose, Sealed},
    error::Result,
    tenant::TenantRecord,
};

/// The purpose of the rows that are filled from a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A tenant of another installation, or one that was destroyed.
    Import,
    /// A copy of a tenant with an id of its own.
    Clone,
    /// A copy that is compared with its backup and then removed.
    Verify,
    /// The replacement of a tenant's database and files.
    Restore,
}

impl Kind {
    /// Returns the name in the catalog.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Clone => "clone",
            Self::Verify => "verify",
            Self::Restore => "restore",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Import, Self::Clone, Self::Verify, Self::Restore]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Returns the keys that seal a tenant's data, for a bundle. The bundle is encrypted.
pub fn data_keys(context: &Context, tenant: &TenantRecord) -> Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(tenant.data_keys(context)?.as_bytes().to_vec()))
}

/// Seals the data keys of a bundle with the current master key, for a tenant with this id.
///
/// # Errors
/// [`crate::Error::Internal`] if the keys have an invalid length.
pub fn seal_data_keys(context: &Context, tenant: Uuid, keys: &[u8]) -> Result<Sealed> {
    DataKeys::from_bytes(keys)?;
    context.master_key.seal(Purpose::DataKey, tenant, keys, &*context.platform.random)
}

/// Returns the data keys of a bundle for unsealing chunks.
///
/// # Errors
/// [`crate::Error::Internal`] if the keys have an invalid length.
pub fn open_data_keys(keys: &[u8]) -> Result<DataKeys> {
    DataKeys::from_bytes(keys)
}
