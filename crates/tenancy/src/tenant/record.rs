//! The record of a tenant in the catalog, and its forms in requests and responses.

use chrono::{DateTime, Utc, serde::ts_microseconds};
use serde::{Deserialize, Serialize};
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    crypto::Sealed,
    database_location::DatabaseLocation,
    error::InvalidField,
    identifier::Slug,
    input::{FromField, Text},
    json::JsonText,
    resource::Resource,
    text::{self, printable},
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

/// The state of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The tenant is being created.
    Provisioning,
    /// The tenant accepts requests.
    Active,
    /// The tenant accepts no requests until an operator reactivates it.
    Suspended,
    /// The tenant's data is being destroyed.
    Deleting,
    /// The tenant is deleted, but its data is kept.
    Deleted,
}

impl Status {
    /// Returns the name of the state in the catalog and in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }
}

impl Text for Status {
    fn parse(text: &str) -> Result<Self, String> {
        [Self::Provisioning, Self::Active, Self::Suspended, Self::Deleting, Self::Deleted]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                "must be provisioning, active, suspended, deleting or deleted".to_owned()
            })
    }
}

/// The maximum usage of each resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// The number of users.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub users: i64,
    /// The total size of files in bytes.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub storage: i64,
    /// The number of API calls per day.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub api_calls: i64,
    /// The number of AI requests per day.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub ai_requests: i64,
    /// The number of API calls per minute.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64)]
    pub requests_per_minute: i64,
    /// The Redis memory for the cache in bytes.
    #[schema(required = false, minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    pub cache: i64,
}

impl Limits {
    /// Returns the limit of a resource.
    pub const fn of(&self, resource: Resource) -> i64 {
        match resource {
            Resource::ApiCalls => self.api_calls,
            Resource::AiRequests => self.ai_requests,
            Resource::Storage => self.storage,
            Resource::Users => self.users,
        }
    }
}

/// Limits in an update.
#[derive(ToSchema)]
#[schema(as = LimitChange)]
#[expect(dead_code, reason = "it describes the members of `LimitChange`")]
struct LimitFields {
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    users: Option<i64>,
    /// The total size of files in bytes.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    storage: Option<i64>,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    api_calls: Option<i64>,
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    ai_requests: Option<i64>,
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000_i64)]
    requests_per_minute: Option<i64>,
    /// The Redis memory for the cache in bytes. The default for a new plan is 64 MiB.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64)]
    cache: Option<i64>,
}

/// Limits of a tenant that replace those of its plan. Each one is a whole number, or null for the limit of the plan.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = LimitFields)]
pub struct LimitChange(Map<String, Value>);

/// The maximum value of a limit.
const MOST: i64 = 1_000_000_000_000_000;
/// The maximum number of invalid members that are reported.
const MOST_TOLD: usize = 20;

impl LimitChange {
    const NAMES: [(&'static str, &'static str, i64); 6] = [
        ("users", "max_users", 0),
        ("storage", "max_storage_bytes", 0),
        ("api_calls", "max_api_calls_per_day", 0),
        ("ai_requests", "max_ai_requests_per_day", 0),
        ("requests_per_minute", "max_requests_per_minute", 1),
        (Self::CACHE, "max_cache_bytes", 0),
    ];

    /// The name of the limit that has a default.
    const CACHE: &'static str = "cache";

    /// Returns the first limit that is absent and has no default.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let given = |column: &str| self.0.get(column).is_some_and(|limit| !limit.is_null());
        let mut required = Self::NAMES.iter().filter(|known| known.0 != Self::CACHE);
        required.find(|known| !given(known.1)).map(|known| known.0)
    }

    /// Returns the first limit that is null.
    pub(crate) fn cleared(&self) -> Option<&'static str> {
        let is_null = |column: &str| self.0.get(column).is_some_and(Value::is_null);
        Self::NAMES.iter().find(|known| is_null(known.1)).map(|known| known.0)
    }

    /// Returns the limits by the names of the plan's columns.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

impl FromField for LimitChange {
    fn invalid_members(value: &Value) -> Vec<InvalidField> {
        let mistake = |(name, limit): (&String, &Value)| {
            let Some((.., least)) = Self::NAMES.iter().find(|known| known.0 == name) else {
                let known = Self::NAMES.map(|known| known.0).join(", ");
                return Some(InvalidField::new(printable(name), format!("must be one of {known}")));
            };
            let is_in_range = limit.as_i64().is_some_and(|limit| (*least..=MOST).contains(&limit));
            let message = format!("must be a whole number from {least} to {MOST}, or null");
            (!limit.is_null() && !is_in_range).then(|| InvalidField::new(name, message))
        };
        let limits = value.as_object().into_iter().flatten();
        limits.filter_map(mistake).take(MOST_TOLD).collect()
    }

    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Object(mut limits) = value else {
            return Err("must be an object".to_owned());
        };
        let columns = Self::NAMES
            .iter()
            .filter_map(|(name, column, _)| Some(((*column).to_owned(), limits.remove(*name)?)));
        Ok(Self(columns.collect()))
    }
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
