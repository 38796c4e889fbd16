//! Whether the trail is as it was written.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{chain, checkpoint, trail};
use crate::{
    error::Result,
    hex,
    platform::sql::{Connection, Row, SqlError},
    tenancy::Tenancy,
};

/// The rows of a page.
const PAGE: i64 = 500;
/// A trail of so many rows is always verified from its beginning: that takes a moment only.
const ALWAYS_FULL: i64 = 10_000;
/// How long a verification that can be continued takes.
const BUDGET_MICROS: u64 = 15_000_000;

/// What came of verifying a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verification {
    /// Whether every row is there, in its place and unchanged.
    pub valid: bool,
    /// How many rows were found good.
    pub verified: i64,
    /// Where it began: after this row, where the ones before were dropped by their age.
    pub anchor: Option<Link>,
    /// Where it began, if an earlier verification has found the rows up to this one unchanged. Trails of up to 10,000
    /// rows are always verified from their beginning, and others with `full=true`.
    pub checkpoint: Option<Link>,
    /// Whether it reached the end. A long trail takes several calls: the next one goes on from here.
    pub complete: bool,
    /// The end of the chain. Keep it: a trail that was cut back and does not reach it any more has
    /// lost rows.
    pub head: Option<Link>,
    /// The first place at which something is wrong.
    pub broken_at: Option<i64>,
    /// What is wrong there.
    pub reason: Option<&'static str>,
}

/// A row of a chain by its place and its MAC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Link {
    /// The place, from 1 on.
    pub sequence: i64,
    /// The MAC of the row and of all before it, in hexadecimal.
    pub mac: String,
}

/// How much of a chain is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Full,
    /// A long chain from its last checkpoint on, and for a limited time.
    SinceCheckpoint,
}

/// Verifies a chain from its anchor to its end; the platform's own where `tenant` is `None`. With
/// `expected`, a link that was kept before, the chain must still have it.
pub async fn verify(
    tenancy: &Tenancy,
    tenant: Option<Uuid>,
    expected: Option<&Link>,
    extent: Extent,
) -> Result<Verification> {
    let started = tenancy.platform.clock.monotonic_micros();
    let catalog = tenancy.catalog().await?;
    let key = tenant.unwrap_or(Uuid::nil());
    let (head_sequence, head_mac) = chain::head(&*catalog, key).await?;
    let link = |sequence: i64, mac: &[u8]| Link { sequence, mac: hex::encode(mac) };
    let head = (head_sequence > 0).then(|| link(head_sequence, &head_mac));
    let mut result = Verification {
        valid: false,
        verified: 0,
        anchor: None,
        checkpoint: None,
        complete: true,
        head,
        broken_at: None,
        reason: None,
    };
    let mut check = tenancy.master_key.audit_check();
    let (mut sequence, mut mac) = match anchor(&*catalog, key).await? {
        Some(anchor) => {
            if !check.is_anchor(key, anchor.sequence, &anchor.mac, &anchor.seal)? {
                return Ok(broken(
                    result,
                    anchor.sequence,
                    "the anchor was not made by this service, or with a master key that is gone",
                ));
            }
            result.anchor = Some(link(anchor.sequence, &anchor.mac));
            (anchor.sequence, anchor.mac)
        }
        None => (0, Vec::new()),
    };
    let first = sequence;
    if extent == Extent::SinceCheckpoint
        && let Some(found) = checkpoint::find(tenancy, &*catalog, key).await?
        && found.sequence - first > ALWAYS_FULL
    {
        if !has_link(&*catalog, tenant, found.sequence, &found.mac).await? {
            return Ok(broken(result, found.sequence, "the row has changed since it was verified"));
        }
        result.checkpoint = Some(link(found.sequence, &found.mac));
        (sequence, mac) = (found.sequence, found.mac);
    }
    let begin = sequence;
    loop {
        let used = tenancy.platform.clock.monotonic_micros().saturating_sub(started);
        if extent == Extent::SinceCheckpoint && used > BUDGET_MICROS && sequence > begin {
            checkpoint::store(tenancy, &*catalog, key, (sequence, &mac)).await?;
            return Ok(Verification { valid: true, complete: false, ..result });
        }
        let rows = page(&*catalog, tenant, sequence).await?;
        if rows.is_empty() {
            break;
        }
        for (row, kept) in rows {
            if row.sequence != sequence + 1 {
                return Ok(broken(result, sequence + 1, "a row is missing, or there twice"));
            }
            let entry = entry(&row);
            let content = chain::content(tenant, row.sequence, row.id, &entry);
            if !check.is_link(&mac, &content, &kept)? {
                let reason = "the row was changed, or chained with a master key that is gone";
                return Ok(broken(result, row.sequence, reason));
            }
            mac = kept;
            sequence = row.sequence;
            result.verified += 1;
            if expected
                .is_some_and(|link| link.sequence == sequence && link.mac != hex::encode(&mac))
            {
                return Ok(broken(result, sequence, "it is not the row that was kept"));
            }
        }
        tenancy.platform.executor.yield_now().await;
    }
    if count(&*catalog, tenant, 0, first).await? > 0 {
        return Ok(broken(result, first, "a row stands where rows were dropped"));
    }
    if count(&*catalog, tenant, begin, sequence).await? != result.verified {
        return Ok(broken(result, sequence, "a row is there twice"));
    }
    if sequence < head_sequence {
        return Ok(broken(result, sequence + 1, "rows at the end are missing"));
    }
    // A row may have been added since the head was read.
    if sequence == head_sequence && mac != head_mac {
        return Ok(broken(result, sequence, "the end of the chain was changed"));
    }
    if let Some(link) = expected.filter(|link| link.sequence > sequence) {
        return Ok(broken(result, link.sequence, "rows at the end are missing"));
    }
    if sequence - first > ALWAYS_FULL && sequence > begin {
        checkpoint::store(tenancy, &*catalog, key, (sequence, &mac)).await?;
    }
    result.valid = true;
    Ok(result)
}

fn broken(result: Verification, at: i64, reason: &'static str) -> Verification {
    Verification { valid: false, broken_at: Some(at), reason: Some(reason), ..result }
}

/// The fields of a row as they were when its MAC was made.
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
        "created_at": timestamp(row.created_at),
    })
}

fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

async fn page(
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    after: i64,
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
    let rows = catalog.query(&statement, &[tenant.into(), after.into(), PAGE.into()]).await?;
    let rows = rows.iter().map(|row| Ok((trail::event(row)?, row.get("mac")?)));
    Ok(rows.collect::<Result<_, SqlError>>()?)
}

/// Returns whether a chain has a row with this MAC at a place.
async fn has_link(
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

/// How many rows there are after one place and up to another.
async fn count(
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
