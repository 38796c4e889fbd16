//! Dropping what is too old to be kept: whole months, with an anchor from which the rest is verified.
//!
//! Under a crash: anchors are written before a month is dropped, and never go back. A chain whose
//! anchor is ahead of what was dropped is verified from there.

use chrono::NaiveDate;
use uuid::Uuid;

use super::verify::anchor;
use crate::{
    error::Result,
    platform::sql::{Connection, SCHEMA_DEADLINE, SqlError, identifier},
    tenancy::Tenancy,
};

/// What came of dropping months.
pub struct Pruned {
    /// The months that were dropped.
    pub dropped: Vec<Dropped>,
    /// The tables of months that are old enough, and stay: one of their events was chained after an
    /// event that is kept.
    pub kept: Vec<String>,
}

/// A month of the trail that was dropped.
pub struct Dropped {
    /// The name of its table.
    pub table: String,
    /// How many rows it had.
    pub rows: i64,
}

/// Drops the months of the trail that ended before the month of `keep_from`: as many of them, from the
/// oldest on, as leave every chain without a gap.
pub async fn drop_before(tenancy: &Tenancy, keep_from: NaiveDate) -> Result<Pruned> {
    let catalog = tenancy.catalog_within(SCHEMA_DEADLINE).await?;
    let mut months = months_before(&*catalog, keep_from).await?;
    let mut kept = Vec::new();
    while let Some(last) = months.last() {
        if !reaches_into_what_is_kept(&*catalog, &last.end).await? {
            break;
        }
        kept.extend(months.pop().map(|month| month.table));
    }
    let mut dropped = Vec::new();
    for Month { table, .. } in months {
        let name = identifier(&table);
        for (chain, sequence, mac) in ends(&*catalog, &name).await? {
            put_anchor(tenancy, &*catalog, chain, sequence, &mac).await?;
        }
        let rows =
            catalog.query_first(&format!("SELECT count(*) AS rows FROM {name}"), &[]).await?;
        let rows = rows.map_or(Ok(0), |row| row.get("rows"))?;
        catalog.execute(&format!("DROP TABLE {name}"), &[]).await?;
        dropped.push(Dropped { table, rows });
    }
    Ok(Pruned { dropped, kept })
}

/// A month of the trail.
struct Month {
    table: String,
    /// The first day after it.
    end: String,
}

/// Whether an event from before a day was chained after one from that day on.
async fn reaches_into_what_is_kept(catalog: &dyn Connection, day: &str) -> Result<bool> {
    let statement = "
        WITH old AS (
            SELECT tenant_id, max(sequence) AS last FROM tenant_audit_logs
            WHERE created_at < ($1::text || ' 00:00:00+00')::timestamptz GROUP BY tenant_id
        ), kept AS (
            SELECT tenant_id, min(sequence) AS first FROM tenant_audit_logs
            WHERE created_at >= ($1::text || ' 00:00:00+00')::timestamptz GROUP BY tenant_id
        )
        SELECT FROM old JOIN kept ON kept.tenant_id IS NOT DISTINCT FROM old.tenant_id
        WHERE old.last > kept.first LIMIT 1";
    Ok(catalog.query_first(statement, &[day.into()]).await?.is_some())
}

/// The tables of the months before a day, the oldest first.
async fn months_before(catalog: &dyn Connection, day: NaiveDate) -> Result<Vec<Month>> {
    let statement = "
        SELECT c.relname::text AS name,
               (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month')::date::text AS end
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tenant_audit_logs'::regclass
          AND c.relname ~ '^tenant_audit_logs_[0-9]{4}_[0-9]{2}$'
          AND c.relname < 'tenant_audit_logs_' || to_char($1::text::date, 'YYYY_MM')
        ORDER BY c.relname";
    let rows = catalog.query(statement, &[day.to_string().into()]).await?;
    let months = rows.iter().map(|row| Ok(Month { table: row.get("name")?, end: row.get("end")? }));
    Ok(months.collect::<Result<_, SqlError>>()?)
}

/// The last row of each chain in a month.
async fn ends(catalog: &dyn Connection, table: &str) -> Result<Vec<(Uuid, i64, Vec<u8>)>> {
    let statement = format!(
        "SELECT DISTINCT ON (tenant_id)
                COALESCE(tenant_id, '00000000-0000-0000-0000-000000000000') AS chain, sequence, mac
         FROM {table} ORDER BY tenant_id, sequence DESC"
    );
    let rows = catalog.query(&statement, &[]).await?;
    let ends =
        rows.iter().map(|row| Ok((row.get("chain")?, row.get("sequence")?, row.get("mac")?)));
    Ok(ends.collect::<Result<_, SqlError>>()?)
}

async fn put_anchor(
    tenancy: &Tenancy,
    catalog: &dyn Connection,
    chain: Uuid,
    sequence: i64,
    mac: &[u8],
) -> Result<()> {
    if anchor(catalog, chain).await?.is_some_and(|before| before.sequence >= sequence) {
        return Ok(());
    }
    let seal = tenancy.master_key.audit_anchor_seal(chain, sequence, mac)?;
    let statement = "
        INSERT INTO tenant_audit_anchors AS a (chain, sequence, mac, seal) VALUES ($1, $2, $3, $4)
        ON CONFLICT (chain) DO UPDATE
        SET sequence = excluded.sequence, mac = excluded.mac, seal = excluded.seal,
            created_at = now()
        WHERE a.sequence < excluded.sequence";
    let parameters = [chain.into(), sequence.into(), mac.into(), seal.as_slice().into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}
