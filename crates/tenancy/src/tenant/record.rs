//! The record of a tenant in the catalog, and its forms in requests and responses.

use chrono::{DateTime, Utc, serde::ts_microseconds};
use serde::{Deserialize, Serialize};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Status;
use crate::{
    access::Definitions,
    crypto::Sealed,
    database_location::DatabaseLocation,
    identifier::Slug,
    input::{FromField, Text},
    json::JsonText,
    resource::Limits,
    text,
};

/// A row of `tenants` in the catalog, with the plan's limits and the primary domain.
///
/// Redis caches this record, so that a verified request needs no SQL. The secrets in it are sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantRecord {
    /// The id.
    pub id: Uuid,
    /// The name in host names, paths and headers.
    pub slug: Slug,
    /// The display name.
    pub name: String,
    /// The state.
    pub status: Status,
    /// The contact address of the tenant.
    pub admin_email: String,
    /// The primary custom domain.
    pub domain: Option<String>,
    /// All custom domains, the primary one first.
    pub domains: Vec<String>,
    /// The name of the plan.
    pub plan: String,
    /// The limits of the plan, unless the tenant has its own.
    pub limits: Limits,
    /// Settings that the tenant's users can see.
    pub settings: JsonText,
    /// Settings that only the operator can see. The cached record does not contain them.
    #[serde(skip)]
    pub private_settings: JsonText,
    /// The permissions, the roles and the groups that the tenant defines.
    pub definitions: Definitions,
    /// The version, which increases with each change of the row.
    pub version: i64,
    /// The location of the database.
    pub database: DatabaseLocation,
    /// The role that connects to the database.
    pub database_role: String,
    /// The password of the role, sealed with the master key. `None` after the destruction.
    pub database_password: Option<Sealed>,
    /// The keys that seal the tenant's data, sealed with the master key. `None` after the destruction.
    pub data_key: Option<Sealed>,
    /// When the tenant was created.
    #[serde(with = "ts_microseconds")]
    pub created_at: DateTime<Utc>,
    /// When the tenant was last updated.
    #[serde(with = "ts_microseconds")]
    pub updated_at: DateTime<Utc>,
}

/// A display name: 1 to 200 characters on a single line, without surrounding space.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 200, example = "Acme Corporation")]
pub struct TenantName(String);

impl TenantName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for TenantName {
    fn parse(text: &str) -> Result<Self, String> {
        text::name(text, 200).map(Self)
    }
}

/// Settings of a tenant: a JSON object of at most 16 KiB.
#[derive(Debug, Clone, Default, ToSchema)]
#[schema(value_type = Object)]
pub struct TenantSettings(JsonText);

impl TenantSettings {
    /// Returns the settings as JSON.
    pub fn json(&self) -> &JsonText {
        &self.0
    }
}

impl FromField for TenantSettings {
    fn from_json(value: Value) -> Result<Self, String> {
        let raw = to_raw_value(&value).map_err(|_| "must be JSON".to_owned())?;
        Self::from_exact_json(value, &raw)
    }

    fn from_exact_json(value: Value, text: &RawValue) -> Result<Self, String> {
        if !value.is_object() {
            return Err("must be an object".to_owned());
        }
        let json = JsonText::from_raw(text)?;
        if json.as_str().len() > 16 * 1024 {
            return Err("must have at most 16 KiB as JSON".to_owned());
        }
        Ok(Self(json))
    }
}

/// A tenant in responses to its users.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantView<'a> {
    id: Uuid,
    slug: &'a str,
    name: &'a str,
    /// The primary custom domain.
    domain: Option<&'a str>,
    /// All custom domains.
    domains: &'a [String],
    status: Status,
    admin_email: &'a str,
    plan: &'a str,
    limits: Limits,
    /// Settings that the tenant's users can see.
    #[schema(value_type = Object)]
    settings: &'a JsonText,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl<'a> From<&'a TenantRecord> for TenantView<'a> {
    fn from(record: &'a TenantRecord) -> Self {
        Self {
            id: record.id,
            slug: record.slug.as_str(),
            name: &record.name,
            domain: record.domain.as_deref(),
            domains: &record.domains,
            status: record.status,
            admin_email: &record.admin_email,
            plan: &record.plan,
            limits: record.limits,
            settings: &record.settings,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

/// A tenant in responses to the operator.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperatorTenantView<'a> {
    #[serde(flatten)]
    tenant: TenantView<'a>,
    /// Settings that only the operator can see.
    #[schema(value_type = Object)]
    private_settings: &'a JsonText,
}

impl<'a> From<&'a TenantRecord> for OperatorTenantView<'a> {
    fn from(record: &'a TenantRecord) -> Self {
        Self { tenant: record.into(), private_settings: &record.private_settings }
    }
}
