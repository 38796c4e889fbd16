//! Requests that create and update operator keys.

use chrono::{DateTime, Utc};
use utoipa::ToSchema;

use super::{NewOperatorKey, OperatorKeyChange};
use crate::{access::OperatorScopes, api_key::KeyName, input::Patch, networks::Networks};

/// A time in the future (RFC 3339).
#[derive(ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2030-01-31T12:00:00Z")]
#[expect(dead_code, reason = "it describes a field that is read as a time")]
struct EndTime(DateTime<Utc>);

crate::fields! {
    /// A new operator key.
    #[derive(ToSchema)]
    #[schema(as = NewOperatorKey)]
    pub struct NewOperatorKeyRequest {
        /// The name in the audit trail. It must be unique.
        pub name: KeyName,
        /// The scopes of the key. An operator key can grant only scopes that it holds.
        pub scopes: OperatorScopes,
        /// The time at which the key expires, or null for a key that does not expire.
        #[schema(value_type = Option<EndTime>)]
        pub expires_at: Option<DateTime<Utc>>,
        /// The networks and addresses from which the key is accepted, or null for every network.
        pub allowed_networks: Option<Networks>,
    }
}

crate::fields! {
    /// An update of an operator key. Absent fields keep their values.
    #[derive(ToSchema)]
    #[schema(as = OperatorKeyUpdate)]
    pub struct OperatorKeyChangeRequest {
        /// The name in the audit trail. It must be unique.
        pub name: Option<KeyName>,
        /// The complete new list of scopes.
        pub scopes: Option<OperatorScopes>,
        /// The time at which the key expires. Null removes the expiry.
        #[schema(value_type = Option<EndTime>)]
        pub expires_at: Patch<DateTime<Utc>>,
        /// The networks and addresses from which the key is accepted. Null allows every network.
        #[schema(value_type = Option<Networks>)]
        pub allowed_networks: Patch<Networks>,
    }
}

impl From<NewOperatorKeyRequest> for NewOperatorKey {
    fn from(request: NewOperatorKeyRequest) -> Self {
        Self {
            name: request.name,
            scopes: request.scopes.0,
            expires_at: request.expires_at,
            allowed_networks: request.allowed_networks,
        }
    }
}

impl From<OperatorKeyChangeRequest> for OperatorKeyChange {
    fn from(request: OperatorKeyChangeRequest) -> Self {
        Self {
            name: request.name,
            scopes: request.scopes.map(|scopes| scopes.0),
            expires_at: request.expires_at,
            allowed_networks: request.allowed_networks,
        }
    }
}
