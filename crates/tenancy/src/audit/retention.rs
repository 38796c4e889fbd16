//! Drops old parts of the trail: whole months, with an anchor from which the remaining rows are verified.
//!
//! Under a crash: one statement stores the anchors and the event in the platform's chain, and drops a month.

use base16ct::lower::encode_string;
use chrono::NaiveDate;
use platform::sql::{Connection, SCHEMA_DEADLINE, SqlError, identifier, literal, patiently};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    rows::{self, anchor},
    voucher::{self, Purpose, RowDigest, Span},
};
use crate::{
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
};

/// The result of dropping months.
pub struct Pruned {
    /// The months that were dropped.
    pub dropped: Vec<Dropped>,
    /// The tables of months that are old enough but remain, because one of their events was chained after an event that
    /// is kept.
    pub kept: Vec<String>,
}

/// A month of the trail that was dropped.
pub struct Dropped {
    /// The name of its table.
    pub table: String,
    /// The number of its rows.
    pub rows: i64,
}

/// Drops the months of the trail that ended before the month of `keep_from`. Starts from the oldest month, and drops
/// only as many months as leave every chain without a gap. A dry run returns the months and drops none.
pub async fn drop_before(context: &Context, keep_from: NaiveDate) -> Result<Pruned> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let mut months = months_before(&*catalog, keep_from).await?;
    let mut kept = Vec::new();
    while let Some(last) = months.last() {
        if !reaches_into_what_is_kept(&*catalog, &last.end).await? {
            break;
        }
        kept.extend(months.pop().map(|month| month.table));
    }
    let mut dropped = Vec::new();
    if context.is_dry_run() {
        for Month { table, .. } in months {
            let rows = count_rows(&*catalog, &identifier(&table)).await?;
            dropped.push(Dropped { table, rows });
        }
        return Ok(Pruned { dropped, kept });
    }
    for Month { table, end } in months {
        let rows = drop_month(context, &*catalog, &table, &end).await?;
        dropped.push(Dropped { table, rows });
        // Extends the chain after each month, so that a failure at the next month leaves this one recorded.
        super::flush::extend_to_the_end(context, None, None).await?;
    }
    Ok(Pruned { dropped, kept })
}

/// Drops a month and returns the number of its rows.
async fn drop_month(
    context: &Context,
    catalog: &dyn Connection,
    table: &str,
    end: &str,
) -> Result<i64> {
    let name = identifier(table);
    let ends = ends(catalog, &name).await?;
    let (mut anchors, mut vouchers) = (Vec::new(), Vec::new());
    for (chain, sequence, mac) in &ends {
        let before = anchor(catalog, *chain).await?.map_or(0, |before| before.sequence);
        if before >= *sequence {
            continue;
        }
        let seal = context.master_key.audit_anchor_seal(*chain, *sequence, mac)?;
        anchors.push(json!({
            "chain": chain, "sequence": sequence, "mac": encode_string(mac), "seal": encode_string(&seal),
        }));
        let revision = rows::revision(catalog, *chain).await?;
        if let Some(rest) = shortened_voucher(context, catalog, *chain, before, *sequence).await? {
            let seal = rest.seal(context, Purpose::Voucher, *chain)?;
            vouchers.push(json!({
                "chain": chain, "revision": revision, "after": rest.after, "sequence": rest.sequence,
                "mac": encode_string(&rest.mac), "digest": encode_string(&rest.digest.0),
                "seal": encode_string(&seal),
            }));
        }
    }
    let rows = count_rows(catalog, &name).await?;
    let event = Event::new(name::AUDIT_PRUNED)
        .severity(Severity::Warning)
        .about("audit_month", table)
        .detail(json!({ "until": end, "events": rows, "chains": ends.len() }));
    let entry = Entry::new(context, None, &Actor::system(), event);
    // Statements of a `DO` block take no parameters. An event that was chained in the meantime would be lost without an
    // anchor.
    let statement = patiently(&format!(
        "LOCK TABLE tenant_audit_logs IN ACCESS EXCLUSIVE MODE;
             IF (SELECT count(*) FROM {name}) <> {rows} THEN
                 RAISE EXCEPTION 'events of the month were chained meanwhile'
                     USING ERRCODE = 'serialization_failure';
             END IF;
             -- A row that an erasure has changed in the meantime would not match the digest of a voucher.
             UPDATE tenant_audit_heads h SET revision = h.revision + 1
             FROM jsonb_to_recordset({vouchers}::jsonb) AS r (chain uuid, revision bigint)
             WHERE h.chain = r.chain AND h.revision = r.revision;
             IF EXISTS (
                 SELECT FROM jsonb_to_recordset({vouchers}::jsonb) AS r (chain uuid, revision bigint)
                 JOIN tenant_audit_heads h ON h.chain = r.chain WHERE h.revision <> r.revision + 1)
             THEN
                 RAISE EXCEPTION 'events were redacted meanwhile' USING ERRCODE = 'serialization_failure';
             END IF;
             INSERT INTO tenant_audit_anchors AS a (chain, sequence, mac, seal)
             SELECT chain, sequence, decode(mac, 'hex'), decode(seal, 'hex')
             FROM jsonb_to_recordset({anchors}::jsonb)
                 AS r (chain uuid, sequence bigint, mac text, seal text)
             ON CONFLICT (chain) DO UPDATE
             SET sequence = excluded.sequence, mac = excluded.mac, seal = excluded.seal,
                 created_at = now()
             WHERE a.sequence < excluded.sequence;
             DELETE FROM tenant_audit_vouchers v USING tenant_audit_anchors a
             WHERE a.chain = v.chain AND v.sequence <= a.sequence;
             INSERT INTO tenant_audit_vouchers (chain, after, sequence, mac, digest, seal)
             SELECT chain, after, sequence, decode(mac, 'hex'), decode(digest, 'hex'),
                    decode(seal, 'hex')
             FROM jsonb_to_recordset({vouchers}::jsonb)
                 AS r (chain uuid, after bigint, sequence bigint, mac text, digest text, seal text)
             ON CONFLICT (chain) DO UPDATE
             SET after = excluded.after, sequence = excluded.sequence, mac = excluded.mac,
                 digest = excluded.digest, seal = excluded.seal, created_at = now();
             INSERT INTO audit_outbox (id, tenant_id, entry)
             VALUES ({id}, NULL, {entry}::jsonb);
             DROP TABLE {name};",
        anchors = literal(&Json::Array(anchors).to_string()),
        vouchers = literal(&Json::Array(vouchers).to_string()),
        id = literal(&entry.id.to_string()),
        entry = literal(&entry.json.to_string()),
    ));
    catalog.execute(&statement, &[]).await?;
    Ok(rows)
}

/// Returns the number of rows of a month. `table` is a quoted name.
async fn count_rows(catalog: &dyn Connection, table: &str) -> Result<i64> {
    let rows = catalog.query_first(&format!("SELECT count(*) AS rows FROM {table}"), &[]).await?;
    Ok(rows.map_or(Ok(0), |row| row.get("rows"))?)
}

/// Returns the voucher of a chain without its rows up to `sequence`; `None` if it covers no later row. Verifies all of
/// its rows first, because they cannot be compared later.
async fn shortened_voucher(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
    before: i64,
    sequence: i64,
) -> Result<Option<Span>> {
    let found = voucher::find(catalog, chain).await?;
    let Some(found) =
        found.filter(|found| found.span.after == before && found.span.sequence > sequence)
    else {
        return Ok(None);
    };
    let is_wrong = || {
        Error::internal(format!(
            "the voucher of the audit trail {chain} is invalid. Run tenantctl audit verify"
        ))
    };
    let mut check = context.master_key.audit_check();
    if !found.is_sealed(&mut check, chain)? {
        return Err(is_wrong());
    }
    let tenant = (!chain.is_nil()).then_some(chain);
    let (mut all, mut rest, mut last) = (RowDigest::default(), RowDigest::default(), before);
    while last < found.span.sequence {
        let rows = rows::page(catalog, tenant, last).await?;
        if rows.is_empty() {
            return Err(is_wrong());
        }
        for row in rows.iter().filter(|row| row.event.sequence <= found.span.sequence) {
            let content = row.content();
            all.add(&content, &row.mac);
            if row.event.sequence > sequence {
                rest.add(&content, &row.mac);
            }
        }
        // A page has a last row.
        last = rows.last().map_or(found.span.sequence, |row| row.event.sequence);
    }
    if all != found.span.digest {
        return Err(is_wrong());
    }
    Ok(Some(Span { after: sequence, digest: rest, ..found.span }))
}

/// A month of the trail.
struct Month {
    table: String,
    /// The first day after the month.
    end: String,
}

/// Returns whether an event from before a day was chained after an event from that day or later.
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

/// Returns the tables of the months before a day, the oldest first.
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

/// Returns the last row of each chain in a month.
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
