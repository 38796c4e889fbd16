//! Reads the trail.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use platform::sql::{Connection, Row, Rows, SqlError, Statement, escaped_pattern};
use serde::Serialize;
use serde_json::Value as Json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Result,
    event::{Severity, name},
    input::Text,
};

/// An event of the audit trail.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LoggedEvent {
    /// The id of the event.
    pub id: Uuid,
    /// The tenant; null for events of the platform.
    pub tenant_id: Option<Uuid>,
    /// The place in the tenant's chain, starting from 1.
    pub sequence: i64,
    /// The name of the event, such as `user.created`.
    pub event: String,
    /// `info`, `warning` or `critical`.
    pub severity: String,
    /// `success` or `failure`.
    pub result: String,
    /// `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`.
    pub actor_type: String,
    /// The id of the user, the API key or the operator key.
    pub actor_id: Option<String>,
    /// The type of the affected resource.
    pub resource_type: Option<String>,
    /// The id or the name of the affected resource.
    pub resource_id: Option<String>,
    /// The address of the client.
    pub address: Option<String>,
    /// The user agent of the client.
    pub user_agent: Option<String>,
    /// The id of the request.
    pub request_id: Option<String>,
    /// Details of the event, often with the values `before` and `after` a change. `operator` names the credential of an
    /// operator.
    #[schema(value_type = Object)]
    pub detail: Json,
    /// Whether values that identify an erased person were removed from the event.
    pub is_redacted: bool,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
}

/// The start of a page of the trail: the row before its first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    created_at: DateTime<Utc>,
    id: Uuid,
}

impl Cursor {
    /// Returns the cursor after a row. The other columns of the row need not be readable.
    fn after(row: &Row) -> Result<Self, SqlError> {
        Ok(Self { created_at: row.get("created_at")?, id: row.get("id")? })
    }

    /// Encodes the cursor as text for the next request.
    pub fn to_text(self) -> String {
        let mut bytes = self.created_at.timestamp_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

impl Text for Cursor {
    fn parse(text: &str) -> Result<Self, String> {
        let parsed = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (micros, id) = bytes.split_at_checked(8)?;
            let micros = i64::from_be_bytes(micros.try_into().ok()?);
            // PostgreSQL supports fewer years than this type.
            let micros = micros.clamp(0, 253_402_300_799_999_999);
            Some(Self {
                created_at: DateTime::from_timestamp_micros(micros)?,
                id: Uuid::from_slice(id).ok()?,
            })
        };
        parsed().ok_or_else(|| "must be the next_cursor of an earlier response".to_owned())
    }
}

impl Text for Severity {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "info" => Ok(Self::Info),
            "warning" => Ok(Self::Warning),
            "critical" => Ok(Self::Critical),
            _ => Err("must be info, warning or critical".to_owned()),
        }
    }
}

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this tenant; `None` selects all tenants and the platform.
    pub tenant: Option<Uuid>,
    /// Only events with this name, or with this prefix if it ends in a dot.
    pub event: Option<String>,
    /// Only events of this user, API key or operator key, or of this kind of actor.
    pub actor: Option<String>,
    /// Only events of this resource, or of this type of resource.
    pub resource: Option<String>,
    /// Only events of this severity.
    pub severity: Option<Severity>,
    /// Only successful or only failed events.
    pub succeeded: Option<bool>,
    /// Only events at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only events before this time.
    pub to: Option<DateTime<Utc>>,
}

/// Returns the rows that `filter` selects, the newest first, and the start of the next page.
pub async fn list(
    catalog: &dyn Connection,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Rows<LoggedEvent>, Option<Cursor>)> {
    let statement = "
        SELECT id, tenant_id, sequence, event, severity, result, actor_type, actor_id,
               resource_type, resource_id, address, user_agent, request_id, detail,
               redaction IS NOT NULL AS is_redacted, created_at AT TIME ZONE 'UTC' AS created_at
        FROM tenant_audit_logs l
        WHERE (:tenant::uuid IS NULL OR tenant_id = :tenant)
          AND (:event::text IS NULL OR event LIKE :event)
          AND (:actor::text IS NULL OR actor_id = :actor OR actor_type = :actor)
          AND (:resource::text IS NULL OR resource_id = :resource OR resource_type = :resource)
          AND (:severity::text IS NULL OR severity = :severity)
          AND (:result::text IS NULL OR result = :result)
          AND (:from::timestamp IS NULL OR l.created_at >= :from::timestamp AT TIME ZONE 'UTC')
          AND (:to::timestamp IS NULL OR l.created_at < :to::timestamp AT TIME ZONE 'UTC')
          AND (:after::timestamp IS NULL
               OR (l.created_at, id) < (:after::timestamp AT TIME ZONE 'UTC', :after_id::uuid))
        ORDER BY l.created_at DESC, id DESC LIMIT :limit";
    let statement = Statement::new(statement)
        .bind("tenant", filter.tenant)
        .bind("event", filter.event.as_deref().map(event_pattern))
        .bind("actor", filter.actor.clone())
        .bind("resource", filter.resource.clone())
        .bind("severity", filter.severity.map(Severity::as_str))
        .bind("result", filter.succeeded.map(|done| if done { "success" } else { "failure" }))
        .bind("from", filter.from)
        .bind("to", filter.to)
        .bind("after", after.map(|cursor| cursor.created_at))
        .bind("after_id", after.map(|cursor| cursor.id))
        .bind("limit", i64::from(limit) + 1);
    page(statement.query(catalog).await?, limit)
}

/// Returns the events that a user caused and those about the user or one of its sessions, the newest first, and the start
/// of the next page. The address and the user agent of another person's request are left out, and so is its credential.
pub async fn list_of_user(
    catalog: &dyn Connection,
    tenant: Uuid,
    user: Uuid,
    after: Option<Cursor>,
    limit: u32,
) -> Result<(Rows<LoggedEvent>, Option<Cursor>)> {
    let statement = format!(
        "WITH sessions AS MATERIALIZED (
             SELECT s.resource_id FROM tenant_audit_logs s
             WHERE s.tenant_id = :tenant::uuid AND s.actor_id = :user::text AND s.event = '{login}'
         ), found AS (
             SELECT l.*, COALESCE(l.actor_id = :user, l.actor_type = 'anonymous') AS is_own
             FROM tenant_audit_logs l
             WHERE l.tenant_id = :tenant AND (
                 l.actor_id = :user OR l.resource_id = :user
                 OR (l.resource_type = 'session' AND l.resource_id IN (SELECT s.resource_id FROM sessions s)))
               AND (:after::timestamp IS NULL
                    OR (l.created_at, l.id) < (:after::timestamp AT TIME ZONE 'UTC', :after_id::uuid))
             ORDER BY l.created_at DESC, l.id DESC LIMIT :limit
         )
         SELECT id, tenant_id, sequence, event, severity, result, actor_type, actor_id, resource_type, resource_id,
                CASE WHEN is_own THEN address END AS address,
                CASE WHEN is_own THEN user_agent END AS user_agent, request_id,
                CASE WHEN is_own THEN detail ELSE detail - 'operator' END AS detail,
                redaction IS NOT NULL AS is_redacted, created_at AT TIME ZONE 'UTC' AS created_at
         FROM found f ORDER BY f.created_at DESC, id DESC",
        login = name::AUTH_LOGIN
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("user", user.to_string())
        .bind("after", after.map(|cursor| cursor.created_at))
        .bind("after_id", after.map(|cursor| cursor.id))
        .bind("limit", i64::from(limit) + 1);
    page(statement.query(catalog).await?, limit)
}

/// Returns whether a tenant's trail has an event by or about a user.
pub(crate) async fn names_user(catalog: &dyn Connection, tenant: Uuid, user: Uuid) -> Result<bool> {
    let statement = "SELECT FROM tenant_audit_logs
                     WHERE tenant_id = $1 AND (actor_id = $2 AND actor_type = 'user'
                                               OR resource_id = $2 AND resource_type = 'user') LIMIT 1";
    let parameters = [tenant.into(), user.to_string().into()];
    Ok(catalog.query_first(statement, &parameters).await?.is_some())
}

/// Returns those of the resources about which a tenant's trail has an event with this name.
pub(crate) async fn list_with_event(
    catalog: &dyn Connection,
    tenant: Uuid,
    event: &str,
    resources: &[Uuid],
) -> Result<Vec<String>> {
    let statement = "SELECT DISTINCT resource_id FROM tenant_audit_logs
                     WHERE tenant_id = $1 AND event = $2 AND resource_id = ANY($3::text[])";
    let resources: Vec<_> = resources.iter().map(Uuid::to_string).collect();
    let rows = catalog.query(statement, &[tenant.into(), event.into(), resources.into()]).await?;
    Ok(rows.iter().map(|row| row.get("resource_id")).collect::<Result<_, SqlError>>()?)
}

/// Returns the events of a page with one row more than `limit`, if there are more.
fn page(mut rows: Vec<Row>, limit: u32) -> Result<(Rows<LoggedEvent>, Option<Cursor>)> {
    // One more row than requested shows that there is a next page.
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| has_more).map(Cursor::after).transpose()?;
    Ok((Rows::read(&rows, event), next))
}

/// Returns a `LIKE` pattern for the name of an event, or for a prefix that ends in a dot.
fn event_pattern(event: &str) -> String {
    let wildcard = if event.ends_with('.') { "%" } else { "" };
    escaped_pattern(event) + wildcard
}

pub(super) fn event(row: &Row) -> Result<LoggedEvent, SqlError> {
    Ok(LoggedEvent {
        id: row.get("id")?,
        tenant_id: row.get("tenant_id")?,
        sequence: row.get("sequence")?,
        event: row.get("event")?,
        severity: row.get("severity")?,
        result: row.get("result")?,
        actor_type: row.get("actor_type")?,
        actor_id: row.get("actor_id")?,
        resource_type: row.get("resource_type")?,
        resource_id: row.get("resource_id")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        request_id: row.get("request_id")?,
        detail: row.get("detail")?,
        is_redacted: row.get("is_redacted")?,
        created_at: row.get("created_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_pattern_matches_literal_text() {
        assert_eq!(event_pattern("api_key.created"), r"api\_key.created");
        assert_eq!(event_pattern("api_key."), r"api\_key.%");
        assert_eq!(event_pattern("%."), r"\%.%");
    }

    #[test]
    fn cursor_survives_encoding() {
        let cursor = Cursor {
            created_at: DateTime::from_timestamp_micros(1_800_000_000_123_456).unwrap(),
            id: Uuid::from_u128(7),
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Ok(cursor));
        for text in ["", "x", "AAAA", &URL_SAFE_NO_PAD.encode([255; 23])] {
            assert!(Cursor::parse(text).is_err(), "{text}");
        }
    }
}
