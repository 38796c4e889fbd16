//! SQL statements on the rows of the trail, in the order of a chain.

use platform::sql::{Connection, Row, SqlError};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::trail;
use crate::{
    error::Result,
    event::content::{self, content},
};

/// The number of rows of a page.
const PAGE: i64 = 500;

/// A row of a chain.
pub(super) struct StoredRow {
    pub(super) event: trail::LoggedEvent,
    pub(super) mac: Vec<u8>,
    /// The seal of a row from which personal values were removed ([`super::redaction`]).
    pub(super) redaction: Option<Vec<u8>>,
}

impl StoredRow {
    /// Reads a row. The columns are those of [`COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self {
            event: trail::event(row)?,
            mac: row.get("mac")?,
            redaction: row.get("redaction")?,
        })
    }

    /// Returns the content that the MAC or the seal of the row covers.
    pub(super) fn content(&self) -> Vec<u8> {
        content_of(&self.event)
    }
}

/// The columns of a row.
pub(super) const COLUMNS: &str =
    "l.id, l.tenant_id, l.sequence, l.event, l.severity, l.result, l.actor_type, l.actor_id,
     l.resource_type, l.resource_id, l.address, l.user_agent, l.request_id, l.detail, l.mac, l.redaction,
     l.redaction IS NOT NULL AS is_redacted, l.created_at AT TIME ZONE 'UTC' AS created_at";

/// Returns the content of an event in its place of the chain.
pub(super) fn content_of(event: &trail::LoggedEvent) -> Vec<u8> {
    content(event.tenant_id, event.sequence, event.id, &entry(event))
}

/// Returns the fields of a row in the form in which its MAC covers them.
fn entry(row: &trail::LoggedEvent) -> Json {
    json!({
        "event": row.event,
        "severity": row.severity,
        "result": row.result,
        "actor_type": row.actor_type,
        "actor_id": row.actor_id,
        "resource_type": row.resource_type,
        "resource_id": row.resource_id,
        "address": row.address,
        "user_agent": row.user_agent,
        "request_id": row.request_id,
        "detail": row.detail,
        "created_at": content::timestamp(row.created_at),
    })
}

pub(super) async fn page(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
) -> Result<Vec<StoredRow>> {
    rows(catalog, tenant, after, PAGE).await
}

/// Returns the first row after a place.
pub(super) async fn first(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
) -> Result<Option<StoredRow>> {
    Ok(rows(catalog, tenant, after, 1).await?.pop())
}

async fn rows(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredRow>> {
    // `IS NOT DISTINCT FROM` uses no index.
    let chain = if tenant.is_some() { "= $1::uuid" } else { "IS NULL AND $1::uuid IS NULL" };
    let statement = format!(
        "SELECT {COLUMNS} FROM tenant_audit_logs l
         WHERE l.tenant_id {chain} AND l.sequence > $2 ORDER BY l.sequence LIMIT $3"
    );
    let rows = catalog.query(&statement, &[tenant.into(), after.into(), limit.into()]).await?;
    Ok(rows.iter().map(StoredRow::read).collect::<Result<_, SqlError>>()?)
}

/// Returns whether a chain has a row with this MAC at a place.
pub(super) async fn has_link(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    sequence: i64,
    mac: &[u8],
) -> Result<bool> {
    let chain = if tenant.is_some() { "= $1::uuid" } else { "IS NULL AND $1::uuid IS NULL" };
    let statement = format!(
        "SELECT FROM tenant_audit_logs WHERE tenant_id {chain} AND sequence = $2 AND mac = $3"
    );
    let parameters = [tenant.into(), sequence.into(), mac.into()];
    Ok(catalog.query_first(&statement, &parameters).await?.is_some())
}

/// Returns the number of rows after one place and up to another.
pub(super) async fn count(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
    up_to: i64,
) -> Result<i64> {
    let chain = if tenant.is_some() { "= $1::uuid" } else { "IS NULL AND $1::uuid IS NULL" };
    let statement = format!(
        "SELECT count(*) AS rows FROM tenant_audit_logs
         WHERE tenant_id {chain} AND sequence > $2 AND sequence <= $3"
    );
    let row = catalog.query_first(&statement, &[tenant.into(), after.into(), up_to.into()]).await?;
    row.map_or(Ok(0), |row| Ok(row.get("rows")?))
}

pub(super) struct Anchor {
    pub(super) sequence: i64,
    pub(super) mac: Vec<u8>,
    pub(super) seal: Vec<u8>,
}

pub(super) async fn anchor(catalog: &dyn Connection, chain: Uuid) -> Result<Option<Anchor>> {
    let statement = "SELECT sequence, mac, seal FROM tenant_audit_anchors WHERE chain = $1";
    let row = catalog.query_first(statement, &[chain.into()]).await?;
    Ok(row.as_ref().map(anchor_of).transpose()?)
}

pub(super) fn anchor_of(row: &Row) -> Result<Anchor, SqlError> {
    Ok(Anchor { sequence: row.get("sequence")?, mac: row.get("mac")?, seal: row.get("seal")? })
}

/// Returns the end of a chain: its length, and the MAC to which the next row is chained.
pub(super) async fn head(catalog: &dyn Connection, chain: Uuid) -> Result<(i64, Vec<u8>)> {
    let statement = "SELECT sequence, mac FROM tenant_audit_heads WHERE chain = $1";
    match catalog.query_first(statement, &[chain.into()]).await? {
        Some(row) => Ok((row.get("sequence")?, row.get("mac")?)),
        None => Ok((0, Vec::new())),
    }
}

/// Returns the revision of a chain, which grows with each redaction and each voucher.
pub(super) async fn revision(catalog: &dyn Connection, chain: Uuid) -> Result<i64> {
    let statement = "SELECT revision FROM tenant_audit_heads WHERE chain = $1";
    let row = catalog.query_first(statement, &[chain.into()]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("revision"))?)
}

/// Returns the first month for which the trail has a table, as `YYYY_MM`.
pub(super) async fn first_month(catalog: &dyn Connection) -> Result<Option<String>> {
    let statement = "
        SELECT min(right(c.relname, 7)) AS month
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tenant_audit_logs'::regclass
          AND c.relname ~ '^tenant_audit_logs_[0-9]{4}_[0-9]{2}$'";
    let row = catalog.query_first(statement, &[]).await?;
    Ok(row.map_or(Ok(None), |row| row.get("month"))?)
}
