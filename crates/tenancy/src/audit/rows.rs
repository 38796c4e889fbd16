//! SQL statements on the rows of the trail, in the order of a chain.

use platform::sql::{Connection, Row, SqlError};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::trail;
use crate::{error::Result, event::content};

/// The number of rows of a page.
const PAGE: i64 = 500;

/// Returns the fields of a row in the form in which its MAC covers them.
pub(super) fn entry(row: &trail::LoggedEvent) -> Json {
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
) -> Result<Vec<(trail::LoggedEvent, Vec<u8>)>> {
    rows(catalog, tenant, after, PAGE).await
}

/// Returns the first row after a place.
pub(super) async fn first(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
) -> Result<Option<(trail::LoggedEvent, Vec<u8>)>> {
    Ok(rows(catalog, tenant, after, 1).await?.pop())
}

async fn rows(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
    limit: i64,
) -> Result<Vec<(trail::LoggedEvent, Vec<u8>)>> {
    let statement = "
        SELECT id, tenant_id, sequence, event, severity, result, actor_type, actor_id,
               resource_type, resource_id, address, user_agent, request_id, detail, mac,
               created_at AT TIME ZONE 'UTC' AS created_at
        FROM tenant_audit_logs
        WHERE tenant_id IS NOT DISTINCT FROM $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
    // `IS NOT DISTINCT FROM` uses no index.
    let statement = match tenant {
        Some(_) => statement.replace("IS NOT DISTINCT FROM $1", "= $1::uuid"),
        None => statement.replace("IS NOT DISTINCT FROM $1", "IS NULL AND $1::uuid IS NULL"),
    };
    let rows = catalog.query(&statement, &[tenant.into(), after.into(), limit.into()]).await?;
    let rows = rows.iter().map(|row| Ok((trail::event(row)?, row.get("mac")?)));
    Ok(rows.collect::<Result<_, SqlError>>()?)
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
