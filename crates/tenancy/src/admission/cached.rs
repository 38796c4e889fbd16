//! The tenants and API keys that an instance remembers.

use uuid::Uuid;

use crate::{api_key::ApiKeyRecord, instance_cache::InstanceCache, tenant::TenantRecord};

/// Tenants, by their ids.
pub(crate) type CachedTenants = InstanceCache<Uuid, TenantRecord>;

/// API keys, by their hashes.
pub type CachedApiKeys = InstanceCache<[u8; 32], ApiKeyRecord>;
