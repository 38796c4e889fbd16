//! The request that creates an API key, and the response that shows it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiKey, ApiKeyRecord, ApiKeyView, CallLimit, Environment, KeyName, NewApiKey};
use crate::access::Grants;

/// A time in the future (RFC 3339).
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2030-01-31T12:00:00Z")]
#[expect(dead_code, reason = "it only describes a field that is parsed as a time")]
struct EndTime(DateTime<Utc>);

crate::fields! {
    /// A new API key.
    #[derive(ToSchema)]
    #[schema(as = NewApiKey)]
    pub struct NewApiKeyRequest {
        /// The name of the key.
        pub name: KeyName,
        /// The scopes of the key, and permissions that the tenant defines. The caller must hold each of them.
        pub scopes: Grants,
        /// The environment of the key.
        #[schema(required = false, default = "live")]
        pub environment: Environment = Environment::live(),
        /// When the key expires.
        #[schema(value_type = Option<EndTime>)]
        pub expires_at: Option<DateTime<Utc>>,
        /// The maximum number of calls per minute.
        pub max_requests_per_minute: Option<CallLimit>,
        /// The maximum number of calls per UTC day.
        pub max_requests_per_day: Option<CallLimit>,
    }
}

impl From<NewApiKeyRequest> for NewApiKey {
    fn from(request: NewApiKeyRequest) -> Self {
        Self {
            name: request.name,
            scopes: request.scopes,
            environment: request.environment,
            expires_at: request.expires_at,
            max_requests_per_minute: request.max_requests_per_minute,
            max_requests_per_day: request.max_requests_per_day,
        }
    }
}

/// An API key with its text, which is shown only once.
#[derive(Serialize, ToSchema)]
pub struct ShownOnce<'a> {
    #[serde(flatten)]
    key: ApiKeyView<'a>,
    /// The text of the key. Store it: it is not shown again.
    #[schema(example = "ldx_live_…")]
    api_key: &'a str,
}

impl<'a> ShownOnce<'a> {
    /// Returns the view of a key that was just created or rotated.
    pub fn new(record: &'a ApiKeyRecord, key: &'a ApiKey) -> Self {
        Self { key: ApiKeyView::from(record), api_key: key.expose() }
    }
}
