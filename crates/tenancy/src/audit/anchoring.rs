//! The daily anchors: once a day, the heads of all chains are recorded in the platform's chain and in the log.
//!
//! The event `audit.anchored` contains the number of chains and a digest of their heads. The heads are in the table
//! `audit_anchored_heads`, and in log lines, which leave the machine. A chain that was truncated since then lacks its
//! anchored link. An attacker who also truncates the platform's chain cannot change the log lines.
//!
//! Under a crash: heads without an event are removed one day later, and the next call anchors the day. Of two
//! concurrent calls, one records the event.

use chrono::{NaiveDate, TimeDelta};
use platform::sql::{Connection, Row, SCHEMA_DEADLINE, SqlError, Statement};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Link, chain};
use crate::{
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, Severity, name, outbox},
    log,
};

/// The time for which heads are kept.
const KEPT: TimeDelta = TimeDelta::days(8);
/// The age up to which anchors are verified. It is shorter than [`KEPT`], so that no anchor expires during a
/// verification.
const VERIFIED: TimeDelta = TimeDelta::days(6);
/// The number of heads that one statement copies.
const PAGE: i64 = 1_000;
/// The number of heads in one log line.
const LINE: usize = 50;
/// The maximum number of chains that an event names.
const MOST_NAMED: usize = 20;

/// Anchors the heads of all chains, unless another call has done so today. Returns the number of chains; `None` if it
/// is not due.
pub async fn anchor_if_due(context: &Context) -> Result<Option<u64>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let now = context.platform.clock.now();
    let today = now.date_naive();
    let is_done = "SELECT FROM audit_anchorings WHERE day = $1::text::date";
    if catalog.query_first(is_done, &[today.to_string().into()]).await?.is_some() {
        return Ok(None);
    }
    let anchoring = context.platform.random.uuid(now);
    let (count, digest) = copy_heads(context, &*catalog, anchoring).await?;
    let cut_back = list_cut_back(&*catalog, anchoring).await?;
    let severity = if cut_back.is_empty() { Severity::Info } else { Severity::Critical };
    let event = Event::new(name::AUDIT_ANCHORED).severity(severity).detail(json!({
        "anchoring": anchoring,
        "chains": count,
        "digest": base16ct::lower::encode_string(&digest),
        "cut_back_chains": cut_back.len(),
        "cut_back": &cut_back[..cut_back.len().min(MOST_NAMED)],
    }));
    let entry = Entry::new(context, None, &Actor::system(), event);
    if !record(&*catalog, today, anchoring, &entry).await? {
        let statement = "DELETE FROM audit_anchored_heads WHERE anchoring = $1";
        catalog.execute(statement, &[anchoring.into()]).await?;
        return Ok(None);
    }
    let chains: Vec<String> = cut_back.iter().map(Uuid::to_string).collect();
    for chains in chains.chunks(LINE) {
        let found = crate::Error::internal(chains.join(", "));
        log::warning(context, "audit trails were truncated since the previous anchor", &found);
    }
    forget(&*catalog, today - KEPT).await?;
    chain::extend(context, None, None).await?;
    Ok(Some(count))
}

/// Copies the head of each chain, writes the heads to the log, and returns their number and digest.
async fn copy_heads(
    context: &Context,
    catalog: &dyn Connection,
    anchoring: Uuid,
) -> Result<(u64, [u8; 32])> {
    let statement = "
        INSERT INTO audit_anchored_heads (anchoring, chain, sequence, mac)
        SELECT $1::uuid, chain, sequence, mac FROM tenant_audit_heads
        WHERE $2::uuid IS NULL OR chain > $2 ORDER BY chain LIMIT $3
        RETURNING chain, sequence, mac";
    let (mut count, mut digest, mut after) = (0, Sha256::new(), None::<Uuid>);
    loop {
        let parameters = [anchoring.into(), after.into(), PAGE.into()];
        let rows = catalog.query(statement, &parameters).await?;
        let mut heads = rows.iter().map(Head::read).collect::<Result<Vec<_>, SqlError>>()?;
        heads.sort_unstable_by_key(|head| head.chain);
        let Some(last) = heads.last() else { return Ok((count, digest.finalize().into())) };
        after = Some(last.chain);
        for heads in heads.chunks(LINE) {
            let texts: Vec<String> = heads.iter().map(Head::to_text).collect();
            log::notice(context, "audit heads anchored", "heads", &texts.join(" "));
        }
        for head in &heads {
            head.add_to(&mut digest);
            count += 1;
        }
    }
}

/// The end of a chain.
struct Head {
    chain: Uuid,
    sequence: i64,
    mac: Vec<u8>,
}

impl Head {
    fn read(row: &Row) -> Result<Self, SqlError> {
        Ok(Self { chain: row.get("chain")?, sequence: row.get("sequence")?, mac: row.get("mac")? })
    }

    /// Adds the head to a digest. Each of its parts has a fixed length.
    fn add_to(&self, digest: &mut Sha256) {
        digest.update(self.chain.as_bytes());
        digest.update(self.sequence.to_be_bytes());
        digest.update(&self.mac);
    }

    /// Returns the chain and its link, in the form that `tenantctl audit verify --expect` accepts.
    fn to_text(&self) -> String {
        format!("{}:{}:{}", self.chain, self.sequence, base16ct::lower::encode_string(&self.mac))
    }
}

/// Returns the chains that do not reach their link of the previous anchor, or have another link at its place.
async fn list_cut_back(catalog: &dyn Connection, anchoring: Uuid) -> Result<Vec<Uuid>> {
    let statement = "
        WITH latest AS (
            SELECT anchoring FROM audit_anchorings ORDER BY day DESC LIMIT 1
        )
        SELECT old.chain FROM audit_anchored_heads old
        LEFT JOIN audit_anchored_heads new ON new.anchoring = $1 AND new.chain = old.chain
        WHERE old.anchoring = (SELECT anchoring FROM latest)
          AND (new.chain IS NULL OR new.sequence < old.sequence
               OR (new.sequence = old.sequence AND new.mac <> old.mac))
        ORDER BY old.chain";
    let rows = catalog.query(statement, &[anchoring.into()]).await?;
    Ok(rows.iter().map(|row| row.get("chain")).collect::<Result<_, SqlError>>()?)
}

/// Records the event of a day. Returns `false` if the day has one already.
async fn record(
    catalog: &dyn Connection,
    day: NaiveDate,
    anchoring: Uuid,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH anchored AS (
             INSERT INTO audit_anchorings (day, anchoring) VALUES (:day::text::date, :anchoring)
             ON CONFLICT (day) DO NOTHING RETURNING day
         ), {}
         SELECT FROM anchored",
        outbox::recorded_if("anchored")
    );
    let statement = Statement::new(statement)
        .bind("day", day.to_string())
        .bind("anchoring", anchoring)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Removes the anchors from before a day, and the heads that a crash has left without an event.
async fn forget(catalog: &dyn Connection, before: NaiveDate) -> Result<()> {
    let statement = "DELETE FROM audit_anchorings WHERE day < $1::text::date";
    catalog.execute(statement, &[before.to_string().into()]).await?;
    let statement = "DELETE FROM audit_anchored_heads h
                     WHERE recorded_at < now() - interval '1 day' AND NOT EXISTS
                         (SELECT FROM audit_anchorings a WHERE a.anchoring = h.anchoring)";
    catalog.execute(statement, &[]).await?;
    Ok(())
}

/// Returns the recently anchored links of a chain.
pub(super) async fn links(catalog: &dyn Connection, chain: Uuid) -> Result<Vec<Link>> {
    let statement = "
        SELECT sequence, mac FROM audit_anchored_heads WHERE chain = $1
        UNION SELECT sequence, mac FROM audit_imported_links WHERE chain = $1";
    let rows = catalog.query(statement, &[chain.into()]).await?;
    let links = rows.iter().map(|row| {
        let mac: Vec<u8> = row.get("mac")?;
        Ok(Link { sequence: row.get("sequence")?, mac: base16ct::lower::encode_string(&mac) })
    });
    Ok(links.collect::<Result<_, SqlError>>()?)
}

/// An anchor of the platform's chain, compared with its heads in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchoring {
    /// The id of the event.
    pub event: Uuid,
    /// The number of chains.
    pub chains: i64,
    /// Whether the heads match the event.
    pub is_valid: bool,
}

/// Compares the recent heads with the events of the platform's chain, the newest first. The chain itself must be
/// verified separately.
pub async fn compare(context: &Context) -> Result<Vec<Anchoring>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let statement = format!(
        "SELECT id, detail FROM tenant_audit_logs
         WHERE tenant_id IS NULL AND event = '{}' AND created_at >= $1::timestamp AT TIME ZONE 'UTC'
         ORDER BY sequence DESC",
        name::AUDIT_ANCHORED
    );
    let from = context.platform.clock.now() - VERIFIED;
    let rows = catalog.query(&statement, &[from.into()]).await?;
    let mut compared = Vec::with_capacity(rows.len());
    for row in rows {
        let detail: serde_json::Value = row.get("detail")?;
        let anchoring = detail["anchoring"].as_str().and_then(|text| text.parse().ok());
        let (count, digest) = match anchoring {
            Some(anchoring) => digest_of(&*catalog, anchoring).await?,
            None => (0, String::new()),
        };
        compared.push(Anchoring {
            event: row.get("id")?,
            chains: count,
            is_valid: detail["digest"] == digest && detail["chains"] == count,
        });
    }
    Ok(compared)
}

/// Returns the number and the digest of the stored heads of an anchoring.
async fn digest_of(catalog: &dyn Connection, anchoring: Uuid) -> Result<(i64, String)> {
    let statement = "
        SELECT chain, sequence, mac FROM audit_anchored_heads
        WHERE anchoring = $1 AND ($2::uuid IS NULL OR chain > $2) ORDER BY chain LIMIT $3";
    let (mut count, mut digest, mut after) = (0, Sha256::new(), None::<Uuid>);
    loop {
        let parameters = [anchoring.into(), after.into(), PAGE.into()];
        let rows = catalog.query(statement, &parameters).await?;
        let heads = rows.iter().map(Head::read).collect::<Result<Vec<_>, SqlError>>()?;
        let Some(last) = heads.last() else {
            return Ok((
                count,
                base16ct::lower::encode_string(&<[u8; 32]>::from(digest.finalize())),
            ));
        };
        after = Some(last.chain);
        for head in &heads {
            head.add_to(&mut digest);
            count += 1;
        }
    }
}

/// Returns every chain that the catalog knows, including those of tenants that were hard-deleted.
pub async fn list_chains(context: &Context) -> Result<Vec<Uuid>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    // The chain of an unfinished import has no end yet.
    let statement = "
        WITH imported AS (
            SELECT t.id FROM tenants t JOIN tenant_imports i ON i.tenant_id = t.id
            WHERE t.status = 'provisioning'
        ), with_a_head AS (SELECT chain FROM tenant_audit_heads)
        SELECT chain FROM with_a_head
        UNION (
            SELECT chain FROM tenant_audit_anchors UNION SELECT chain FROM tenant_audit_vouchers
            UNION SELECT chain FROM audit_anchored_heads UNION SELECT id FROM tenants
            EXCEPT SELECT id FROM imported
        ) ORDER BY chain";
    let rows = catalog.query(statement, &[]).await?;
    Ok(rows.iter().map(|row| row.get("chain")).collect::<Result<_, SqlError>>()?)
}
