//! The content of a row of the trail: the fields that its MAC covers.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The fields of an event, in the order in which the MAC covers them.
pub(crate) const FIELDS: [&str; 12] = [
    "event",
    "severity",
    "result",
    "actor_type",
    "actor_id",
    "resource_type",
    "resource_id",
    "address",
    "user_agent",
    "request_id",
    "detail",
    "created_at",
];

/// Returns the content that the MAC of a row covers: its fields in a fixed order, as JSON.
pub(crate) fn content(tenant: Option<Uuid>, sequence: i64, id: Uuid, entry: &Json) -> Vec<u8> {
    let mut content = vec![json!(tenant), json!(sequence), json!(id)];
    content.extend(FIELDS.iter().map(|field| entry[*field].clone()));
    Json::Array(content).to_string().into_bytes()
}

/// Parses the time of an event, in the only form in which the trail returns it.
pub(crate) fn created_at(text: &str) -> Option<DateTime<Utc>> {
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.6fZ").ok()?.and_utc();
    (timestamp(time) == text).then_some(time)
}

/// Formats a time for the trail: RFC 3339 in UTC, with the microseconds that PostgreSQL stores.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
