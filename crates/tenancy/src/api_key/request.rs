//! What asks for an API key, and what shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiKey, ApiKeyRecord, ApiKeyView, CallLimit, Environment, KeyName, NewApiKey};
use crate::access::Scopes;

/// A time in the future (RFC 3339).
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2030-01-31T12:00:00Z")]
#[expect(dead_code, reason = "it describes what is read as a time")]
struct EndTime(DateTime<Utc>);

crate::fields! {
    /// A key to be made.
    #[derive(ToSchema)]
    #[schema(as = NewApiKey)]
    pub struct NewApiKeyRequest {
        /// What its owner calls it.
        pub name: KeyName,
        /// What the key may do: scopes that the caller has, too.
        pub scopes: Scopes,
        /// What it is for.
        #[schema(required = false, default = "live")]
        pub environment: Environment = Environment::live(),
        /// When it ends.
        #[schema(value_type = Option<EndTime>)]
        pub expires_at: Option<DateTime<Utc>>,
        /// The most calls in a minute.
        pub max_requests_per_minute: Option<CallLimit>,
        /// The most calls in a day, which is that of UTC.
        pub max_requests_per_day: Option<CallLimit>,
    }
}

impl From<NewApiKeyRequest> for NewApiKey {
    fn from(request: NewApiKeyRequest) -> Self {
        Self {
            name: request.name,
            scopes: request.scopes.0,
            environment: request.environment,
            expires_at: request.expires_at,
            max_requests_per_minute: request.max_requests_per_minute,
            max_requests_per_day: request.max_requests_per_day,
        }
    }
}

/// An API key with its text, which is shown this once.
#[derive(Serialize, ToSchema)]
pub struct ShownOnce<'a> {
    #[serde(flatten)]
    key: ApiKeyView<'a>,
    /// The key itself. Keep it: it is not shown again.
    #[schema(example = "ldx_live_…")]
    api_key: &'a str,
}

impl<'a> ShownOnce<'a> {
    /// A key that was just made or rotated.
    pub fn new(record: &'a ApiKeyRecord, key: &'a ApiKey) -> Self {
        Self { key: ApiKeyView::from(record), api_key: key.expose() }
    }
}
