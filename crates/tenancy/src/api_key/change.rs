//! New API keys and changes of API keys.

use chrono::{DateTime, Utc};

use super::{CallLimit, Environment, KeyName};
use crate::{access::Grants, input::Patch};

/// The properties of a new key.
pub struct NewApiKey {
    /// The name that the owner chose.
    pub name: KeyName,
    /// The scopes and permissions of the key.
    pub scopes: Grants,
    /// The environment of the key.
    pub environment: Environment,
    /// When the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The maximum number of calls per minute.
    pub max_requests_per_minute: Option<CallLimit>,
    /// The maximum number of calls per UTC day.
    pub max_requests_per_day: Option<CallLimit>,
}

/// The changes to a key.
pub struct ApiKeyChange {
    /// The new name.
    pub name: Option<KeyName>,
    /// The maximum number of calls per minute.
    pub max_requests_per_minute: Patch<CallLimit>,
    /// The maximum number of calls per UTC day.
    pub max_requests_per_day: Patch<CallLimit>,
}
