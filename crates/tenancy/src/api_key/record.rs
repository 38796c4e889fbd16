//! The properties of an API key in the catalog.

use chrono::{
    DateTime, Utc,
    serde::{ts_microseconds, ts_microseconds_option},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::{Definitions, Grants, Permission, Scope},
    input::{FromField, Text},
    text,
};

/// A row of `tenant_api_keys`. Redis holds a sealed snapshot of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApiKeyRecord {
    /// The id of the key.
    pub id: Uuid,
    /// The tenant of the key.
    pub tenant: Uuid,
    /// The name that the owner chose.
    pub name: String,
    /// The environment of the key.
    pub environment: Environment,
    /// The first characters of the key.
    pub prefix: String,
    /// The SHA-256 hash of the key.
    #[serde(with = "serde_bytes")]
    pub hash: Vec<u8>,
    /// The SHA-256 hash of the previous key, from before the last rotation.
    #[serde(with = "serde_bytes")]
    pub previous_hash: Option<Vec<u8>>,
    /// When the previous key expires.
    #[serde(with = "ts_microseconds_option")]
    pub previous_expires_at: Option<DateTime<Utc>>,
    /// The scopes of the key.
    #[serde(with = "scope_bits")]
    pub scopes: Vec<Scope>,
    /// The permissions of the application. Those that the tenant does not define grant nothing.
    pub permissions: Vec<Permission>,
    /// The maximum number of calls per minute.
    pub max_requests_per_minute: Option<i64>,
    /// The maximum number of calls per UTC day.
    pub max_requests_per_day: Option<i64>,
    /// The version, which grows with each change.
    pub version: i64,
    /// When the key was created.
    #[serde(with = "ts_microseconds")]
    pub created_at: DateTime<Utc>,
    /// When the key expires.
    #[serde(with = "ts_microseconds_option")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When the key was last used, to the minute.
    #[serde(with = "ts_microseconds_option")]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKeyRecord {
    /// Returns the current permissions of the key.
    pub fn grants(&self, definitions: &Definitions) -> Grants {
        definitions.defined(&self.stored_grants())
    }

    /// Returns all stored permissions of the key.
    pub(super) fn stored_grants(&self) -> Grants {
        Grants { scopes: self.scopes.clone(), permissions: self.permissions.clone() }
    }

    /// Returns whether the key with this hash is valid at `now`.
    pub fn is_valid(&self, hash: &[u8], now: DateTime<Utc>) -> bool {
        let ends = |end: Option<DateTime<Utc>>| end.is_some_and(|end| end <= now);
        let is_current = self.hash == hash;
        let is_previous =
            self.previous_hash.as_deref() == Some(hash) && !ends(self.previous_expires_at);
        (is_current || is_previous) && !ends(self.expires_at)
    }
}

/// Encodes scopes as bits, by their places in [`Scope::ALL`]. Names take far longer to decode.
mod scope_bits {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::access::Scope;

    const _: () = assert!(Scope::ALL.len() <= 32);

    fn bits() -> impl Iterator<Item = (Scope, u32)> {
        Scope::ALL.iter().zip(0..).map(|(scope, place)| (*scope, 1 << place))
    }

    pub(super) fn serialize<S: Serializer>(scopes: &[Scope], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(
            bits().filter(|(scope, _)| scopes.contains(scope)).map(|(_, bit)| bit).sum(),
        )
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Scope>, D::Error> {
        let all = u32::deserialize(from)?;
        Ok(bits().filter(|(_, bit)| all & bit != 0).map(|(scope, _)| scope).collect())
    }
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApiKeyView<'a> {
    id: Uuid,
    name: &'a str,
    #[schema(value_type = String)]
    environment: &'a Environment,
    /// The first characters of the key, which identify it.
    prefix: &'a str,
    scopes: Grants,
    max_requests_per_minute: Option<i64>,
    max_requests_per_day: Option<i64>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    /// When the key from before the last rotation expires.
    previous_expires_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a ApiKeyRecord> for ApiKeyView<'a> {
    fn from(record: &'a ApiKeyRecord) -> Self {
        Self {
            id: record.id,
            name: &record.name,
            environment: &record.environment,
            prefix: &record.prefix,
            scopes: record.stored_grants(),
            max_requests_per_minute: record.max_requests_per_minute,
            max_requests_per_day: record.max_requests_per_day,
            created_at: record.created_at,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            previous_expires_at: record.previous_expires_at,
        }
    }
}

/// The environment of a key, such as `live` or `test`: 2 to 12 lower case letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, pattern = "^[a-z]{2,12}$", example = "live")]
pub struct Environment(String);

impl Environment {
    /// Returns the name of the environment.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the default environment.
    pub fn live() -> Self {
        Self("live".to_owned())
    }
}

impl Text for Environment {
    fn parse(text: &str) -> Result<Self, String> {
        let letters = text.bytes().all(|byte| byte.is_ascii_lowercase());
        if letters && (2..=12).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be 2 to 12 lower case letters, such as live or test".to_owned())
        }
    }
}

/// The name of a key: 1 to 100 characters on one line.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "Research service")]
pub struct KeyName(String);

impl KeyName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for KeyName {
    fn parse(text: &str) -> Result<Self, String> {
        text::name(text, 100).map(Self)
    }
}

/// The maximum number of calls of a key in a window: 1 to 1,000,000,000.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = i64, minimum = 1, maximum = 1_000_000_000)]
pub struct CallLimit(i64);

impl CallLimit {
    /// Returns the number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl FromField for CallLimit {
    fn from_json(value: Value) -> Result<Self, String> {
        match value.as_i64() {
            Some(number @ 1..=1_000_000_000) => Ok(Self(number)),
            _ => Err("must be a whole number from 1 to 1000000000".to_owned()),
        }
    }
}

/// The number of seconds for which the previous secret stays valid after a rotation: 0 to 2,592,000 (30 days).
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = i64, minimum = 0, maximum = 2_592_000)]
pub struct Overlap(i64);

impl Overlap {
    /// No overlap: the previous secret becomes invalid at once.
    pub const NONE: Self = Self(0);

    /// Returns the number of seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }
}

impl FromField for Overlap {
    fn from_json(value: Value) -> Result<Self, String> {
        match value.as_i64() {
            Some(seconds @ 0..=2_592_000) => Ok(Self(seconds)),
            _ => Err("must be a whole number of seconds from 0 to 2592000".to_owned()),
        }
    }
}
