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

/// A month of the trail that was dropped.
pub struct Dropped {
    /// The name of its table.
    pub table: String,
    /// How many rows it had.
    pub rows: i64,
}

/// Drops the months of the trail that ended before the month of `keep_from`.
pub async fn drop_before(tenancy: &Tenancy, keep_from: NaiveDate) -> Result<Vec<Dropped>> {
    let catalog = tenancy.catalog_within(SCHEMA_DEADLINE).await?;
    let mut dropped = Vec::new();
    for table in months_before(&*catalog, keep_from).await? {
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
    Ok(dropped)
}

/// The tables of the months before a day, the oldest first.
async fn months_before(catalog: &dyn Connection, day: NaiveDate) -> Result<Vec<String>> {
    let statement = "
        SELECT c.relname::text AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tenant_audit_logs'::regclass
          AND c.relname ~ '^tenant_audit_logs_[0-9]{4}_[0-9]{2}$'
          AND c.relname < 'tenant_audit_logs_' || to_char($1::text::date, 'YYYY_MM')
        ORDER BY c.relname";
    let rows = catalog.query(statement, &[day.to_string().into()]).await?;
    Ok(rows.iter().map(|row| row.get("name")).collect::<Result<_, SqlError>>()?)
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
