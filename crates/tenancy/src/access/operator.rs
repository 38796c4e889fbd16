//! The scopes of operator keys. Tenants' scopes are another type, so neither kind of key can hold a scope of the other.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::http::fields::{FromField, Text};

scopes! {
    /// A permission of an operator of the platform.
    OperatorScope,
    /// Scopes of an operator key as a request lists them, each once.
    OperatorScopes {
        /// Read tenants and their numbers.
        TenantsRead = "tenants:read",
        /// Create, change and suspend tenants, and rotate their data keys.
        TenantsWrite = "tenants:write",
        /// Delete and destroy tenants.
        TenantsDelete = "tenants:delete",
        /// Read the API keys of tenants, without their secrets.
        TenantApiKeysRead = "tenant_api_keys:read",
        /// Create and revoke API keys of tenants. A new key can have every scope of its tenant.
        TenantApiKeysWrite = "tenant_api_keys:write",
        /// Read plans.
        PlansRead = "plans:read",
        /// Create, change and delete plans.
        PlansWrite = "plans:write",
        /// Read the usage of all tenants.
        UsageRead = "usage:read",
        /// Read, export and verify the audit trails of all tenants and of the platform.
        AuditRead = "audit:read",
        /// Run the maintenance of the platform.
        MaintenanceRun = "maintenance:run",
        /// Read operator keys, without their secrets.
        OperatorKeysRead = "operator_keys:read",
        /// Create, change, rotate and revoke operator keys within the bounds of the own key.
        OperatorKeysWrite = "operator_keys:write",
    }
}
