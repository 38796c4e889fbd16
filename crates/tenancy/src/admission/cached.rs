//! The tenants and API keys that an instance remembers.

use uuid::Uuid;

use crate::{api_key::ApiKeyRecord, remembered::Remembered, tenant::TenantRecord};

/// Tenants, by their ids.
pub(crate) type CachedTenants = Remembered<Uuid, TenantRecord>;

/// API keys, by their hashes.
pub(crate) type CachedApiKeys = Remembered<[u8; 32], ApiKeyRecord>;
