//! Operator keys in the catalog and in responses.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::OperatorKey;
use crate::{access::OperatorScope, networks::Networks};

/// A row of `operator_keys`.
#[derive(Debug, Clone)]
pub struct OperatorKeyRecord {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// The first characters of the key.
    pub prefix: String,
    /// The scopes of the key.
    pub scopes: Vec<OperatorScope>,
    /// The networks from which the key is accepted, or `None` for every network.
    pub allowed_networks: Option<Networks>,
    /// The version, which increases with each update.
    pub version: i64,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// The time of the last update.
    pub updated_at: DateTime<Utc>,
    /// The time at which the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of the last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The time at which the previous secret expires, after a rotation.
    pub previous_expires_at: Option<DateTime<Utc>>,
}

/// An operator key in responses, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OperatorKey)]
pub struct OperatorKeyView<'a> {
    id: Uuid,
    name: &'a str,
    /// The first characters of the key, by which you recognise it.
    #[schema(example = "ldxop_4fZ9")]
    prefix: &'a str,
    scopes: &'a [OperatorScope],
    /// The networks from which the key is accepted; null allows every network.
    allowed_networks: Option<Vec<String>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// The time of the last use, to the minute. The entity tag does not cover it.
    last_used_at: Option<DateTime<Utc>>,
    /// The time at which the secret before the last rotation expires or expired.
    previous_expires_at: Option<DateTime<Utc>>,
}

impl<'a> From<&'a OperatorKeyRecord> for OperatorKeyView<'a> {
    fn from(record: &'a OperatorKeyRecord) -> Self {
        Self {
            id: record.id,
            name: &record.name,
            prefix: &record.prefix,
            scopes: &record.scopes,
            allowed_networks: record.allowed_networks.as_ref().map(Networks::texts),
            created_at: record.created_at,
            updated_at: record.updated_at,
            expires_at: record.expires_at,
            last_used_at: record.last_used_at,
            previous_expires_at: record.previous_expires_at,
        }
    }
}

/// An operator key with its text. Only this response contains the text.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownOperatorKey)]
pub struct ShownOnce<'a> {
    #[serde(flatten)]
    key: OperatorKeyView<'a>,
    /// The key itself. Store it: it is not shown again.
    #[schema(example = "ldxop_…")]
    operator_key: &'a str,
}

impl<'a> ShownOnce<'a> {
    /// Creates the response for a key that was just created or rotated.
    pub fn new(record: &'a OperatorKeyRecord, key: &'a OperatorKey) -> Self {
        Self { key: OperatorKeyView::from(record), operator_key: key.expose() }
    }
}
