//! Verification that the trail is unchanged since it was written.

use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{seal, trail, walk};
use crate::{
    error::Result,
    platform::sql::{Connection, Row, SqlError},
    tenancy::Tenancy,
};

/// The number of rows of a page.
const PAGE: i64 = 500;
/// The result of verifying a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verification {
    /// Whether every row is present, in its place and unchanged.
    pub valid: bool,
    /// The number of valid rows.
    pub verified: i64,
    /// The row after which the verification began, if older rows were dropped.
    pub anchor: Option<Link>,
    /// The row after which the verification began, if an earlier verification found all rows up to it unchanged. Trails
    /// of up to 10,000 rows are always verified from their beginning, and longer ones with `full=true`.
    pub checkpoint: Option<Link>,
    /// The last row that a former master key may have chained. The rows up to it are verified by a digest, which
    /// `tenantctl reseal` has sealed with the current key.
    pub vouched: Option<Link>,
    /// Whether the verification reached the end. A long trail takes several calls: the next call continues from here.
    pub complete: bool,
    /// The end of the chain. Store it: if a later trail does not contain it, rows were removed.
    pub head: Option<Link>,
    /// The first place with an error.
    pub broken_at: Option<i64>,
    /// The error at that place.
    pub reason: Option<&'static str>,
}

/// A row of a chain, identified by its place and its MAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// The place, starting from 1.
    pub sequence: i64,
    /// The MAC of the row and of all previous rows, in hexadecimal.
    pub mac: String,
}

/// The part of a chain to verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The whole chain.
    Full,
    /// A long chain from its last checkpoint, for a limited time.
    SinceCheckpoint,
}

/// Verifies a chain from its anchor to its end; `None` is the platform's chain. If `expected` is given, a link that was
/// stored earlier, the chain must still contain it. It must also contain the links that were anchored in the platform's
/// chain.
pub async fn verify(
    tenancy: &Tenancy,
    tenant: Option<Uuid>,
    expected: Option<&Link>,
    extent: Extent,
) -> Result<Verification> {
    Ok(walk::examine(tenancy, tenant, expected, extent).await?.found)
}

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
        "created_at": seal::timestamp(row.created_at),
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
