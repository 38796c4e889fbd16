//! The scopes of operator keys. They are another type than the scopes of tenants, so neither kind of key can hold a
//! scope of the other.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::input::{FromField, Text};

scopes! {
    /// A permission of an operator of the platform.
    OperatorScope,
    /// The scopes of an operator key in a request, without duplicates.
    OperatorScopes {
        /// Read tenants and their statistics.
        TenantsRead = "tenants:read",
        /// Create, update and suspend tenants, and rotate their data keys.
        TenantsWrite = "tenants:write",
        /// Delete and hard-delete tenants.
        TenantsDelete = "tenants:delete",
        /// Read the API keys of tenants, without their secrets.
        TenantApiKeysRead = "tenant_api_keys:read",
        /// Create and revoke API keys of tenants. A new key can have every scope of its tenant.
        TenantApiKeysWrite = "tenant_api_keys:write",
        /// Read the users of tenants, with their private metadata.
        TenantUsersRead = "tenant_users:read",
        /// Update the metadata of users of tenants.
        TenantUsersWrite = "tenant_users:write",
        /// Take units from the quotas of every tenant, as the key of a gateway (`X-Gateway-Key`).
        TenantUsageWrite = "tenant_usage:write",
        /// Read plans.
        PlansRead = "plans:read",
        /// Create, update and delete plans.
        PlansWrite = "plans:write",
        /// Read the usage of all tenants.
        UsageRead = "usage:read",
        /// Read, export and verify the audit trails of all tenants and of the platform.
        AuditRead = "audit:read",
        /// Run the maintenance of the platform.
        MaintenanceRun = "maintenance:run",
        /// Read operator keys, without their secrets.
        OperatorKeysRead = "operator_keys:read",
        /// Create, update, rotate and revoke operator keys, within the limits of the caller's own key.
        OperatorKeysWrite = "operator_keys:write",
    }
}
