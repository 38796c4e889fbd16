//! Redactions: the removal of the values that identify an erased person from the rows of a trail.
//!
//! A row keeps its place, its MAC, the opaque id of the user and everything that happened. It loses the address and the
//! user agent of the person's requests, and names of the person in the few details that contain names. The MAC covers
//! the former content. So the service verifies a row before it changes it, and then seals the new content together with
//! both MACs. A row that was changed before gets no valid seal: a redaction never makes a forged row genuine.
//!
//! Rows that a voucher covers ([`super::voucher`]) are verified by its digest, and the voucher gets the digest of the new
//! content in the same statement. [`super::rows::revision`] shows every other digest that it is out of date.
//!
//! Under a crash: rows are changed in batches, one statement each. A repetition finds the remaining rows.

mod candidate;
mod person;
mod seal;

use std::collections::HashMap;

use platform::sql::{Connection, SCHEMA_DEADLINE, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    rows::{self, Anchor},
    trail::LoggedEvent,
    voucher::{self, Purpose, RowDigest, Span, Voucher},
};
use crate::{
    context::Context,
    error::{Error, Result},
};
use candidate::{BATCH, Candidate, candidates};
pub use person::Person;
pub(super) use seal::is_intact;
use seal::parts;

/// The number of attempts for a batch, if other calls change the same trail.
const TURNS: u32 = 8;
/// The seal of a row that could not be verified. No row has it, so the trail stays invalid at this place.
const NO_SEAL: &[u8] = b"";

/// The result of a redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redacted {
    /// The number of rows without a value of the person that had one, including those of earlier calls.
    pub rows: u64,
    /// The number of rows that this call has changed.
    pub changed: u64,
    /// The last row of the trail that was compared with the person.
    pub until: i64,
}

/// Removes the identity of a person from the rows of a tenant's trail after a place.
///
/// # Errors
/// [`Error::Unavailable`] if other calls change the trail at the same time, or a store is unavailable.
pub async fn redact(
    context: &Context,
    tenant: Uuid,
    person: &Person,
    after: i64,
) -> Result<Redacted> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let mut done = Redacted { rows: 0, changed: 0, until: after };
    let mut turns = 0;
    loop {
        let revision = rows::revision(&*catalog, tenant).await?;
        let rows = candidates(&*catalog, tenant, person, done.until).await?;
        let Some(last) = rows.last().map(|row| row.row.event.sequence) else { return Ok(done) };
        let is_last = rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        let (mut changes, mut redacted_before) = (Vec::new(), 0);
        for candidate in rows {
            match candidate.without(person) {
                Some(event) => changes.push((candidate, event)),
                None => {
                    redacted_before +=
                        u64::from(candidate.is_of(person) && candidate.row.redaction.is_some());
                }
            }
        }
        let count = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        if count > 0 && !change(context, &*catalog, tenant, revision, changes).await? {
            turns += 1;
            if turns == TURNS {
                return Err(Error::unavailable(
                    "other erasures change the audit trail; repeat the call",
                ));
            }
            continue;
        }
        turns = 0;
        done.rows += count + redacted_before;
        done.changed += count;
        done.until = last;
        if is_last {
            return Ok(done);
        }
        context.platform.executor.yield_now().await;
    }
}

/// Replaces rows and, if a voucher covers one of them, the voucher. Returns `false` and writes nothing if the chain has
/// another revision by now.
async fn change(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    revision: i64,
    changes: Vec<(Candidate, LoggedEvent)>,
) -> Result<bool> {
    let anchor = rows::anchor(catalog, tenant).await?;
    let vouched = vouched(context, catalog, tenant, anchor.as_ref(), &changes).await?;
    let mut check = context.master_key.audit_check();
    let mut records = Vec::with_capacity(changes.len());
    for (candidate, event) in &changes {
        let Candidate { row, previous, .. } = candidate;
        let sequence = event.sequence;
        let previous = match (&anchor, previous) {
            (Some(anchor), _) if anchor.sequence == sequence - 1 => Some(anchor.mac.as_slice()),
            (_, None) if sequence == 1 => Some(&[][..]),
            (_, previous) => previous.as_deref(),
        };
        let is_verified = match (&vouched, previous) {
            (_, None) => false,
            (Vouched::Covers { until, renewed }, Some(_)) if sequence <= *until => {
                renewed.is_some()
            }
            (_, Some(previous)) => is_intact(&mut check, tenant, previous, row)?,
        };
        let seal = match previous {
            Some(previous) if is_verified => {
                let content = rows::content_of(event);
                let parts = parts(tenant, sequence, previous, &row.mac);
                context.master_key.voucher_seal(&parts.slices(&content))?.to_vec()
            }
            _ => NO_SEAL.to_vec(),
        };
        records.push(json!({
            "id": event.id,
            "created_at": event.created_at,
            "address": event.address,
            "user_agent": event.user_agent,
            // Other details keep the form in which they were stored.
            "detail": (event.detail != row.event.detail).then_some(&event.detail),
            "seal": base16ct::lower::encode_string(&seal),
        }));
    }
    let renewed = match &vouched {
        Vouched::Covers { renewed: Some(span), .. } => Some(span),
        _ => None,
    };
    let seal = renewed.map(|span| span.seal(context, Purpose::Voucher, tenant)).transpose()?;
    let statement = "
        WITH current AS (
            UPDATE tenant_audit_heads SET revision = revision + 1
            WHERE chain = :chain::uuid AND revision = :revision::bigint RETURNING chain
        ), redacted AS (
            UPDATE tenant_audit_logs l
            SET address = r.address, user_agent = r.user_agent, detail = COALESCE(r.detail, l.detail),
                redaction = decode(r.seal, 'hex')
            FROM current, jsonb_to_recordset(:rows) AS r (
                id uuid, created_at timestamptz, address text, user_agent text, detail jsonb, seal text)
            WHERE l.tenant_id = current.chain AND l.created_at = r.created_at AND l.id = r.id
        ), vouched AS (
            UPDATE tenant_audit_vouchers v SET digest = :digest::bytea, seal = :seal::bytea
            FROM current WHERE v.chain = current.chain AND :digest::bytea IS NOT NULL
        )
        SELECT FROM current";
    let statement = Statement::new(statement)
        .bind("chain", tenant)
        .bind("revision", revision)
        .bind("rows", Json::Array(records))
        .bind("digest", renewed.map(|span| span.digest.0.to_vec()))
        .bind("seal", seal.map(|seal| seal.to_vec()));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// The relation of changed rows to the voucher of their chain.
enum Vouched {
    /// No voucher covers one of them.
    No,
    /// A voucher covers the rows up to a place.
    Covers {
        /// The place.
        until: i64,
        /// The rows with their new content; `None` if the present rows do not match the voucher.
        renewed: Option<Span>,
    },
}

/// Verifies the rows of the voucher that covers a changed row, and returns them with their new content.
async fn vouched(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    anchor: Option<&Anchor>,
    changes: &[(Candidate, LoggedEvent)],
) -> Result<Vouched> {
    let begin = anchor.map_or(0, |anchor| anchor.sequence);
    let first = changes.first().map_or(0, |change| change.1.sequence);
    let found = voucher::find(catalog, tenant).await?;
    let Some(Voucher { span, seal }) =
        found.filter(|found| found.span.after == begin && found.span.sequence >= first)
    else {
        return Ok(Vouched::No);
    };
    let voucher = Voucher { span, seal };
    let until = voucher.span.sequence;
    if !voucher.is_sealed(&mut context.master_key.audit_check(), tenant)? {
        return Ok(Vouched::Covers { until, renewed: None });
    }
    let changed: HashMap<i64, &LoggedEvent> =
        changes.iter().map(|(_, event)| (event.sequence, event)).collect();
    let (mut present, mut renewed) = (RowDigest::default(), RowDigest::default());
    let mut last = begin;
    while last < until {
        let page = rows::page(catalog, Some(tenant), last).await?;
        let Some(end) = page.last().map(|row| row.event.sequence) else { break };
        for row in page.iter().filter(|row| row.event.sequence <= until) {
            let content = row.content();
            present.add(&content, &row.mac);
            match changed.get(&row.event.sequence) {
                Some(event) => renewed.add(&rows::content_of(event), &row.mac),
                None => renewed.add(&content, &row.mac),
            }
        }
        last = end;
        context.platform.executor.yield_now().await;
    }
    let is_intact = present == voucher.span.digest;
    let renewed = is_intact.then_some(Span { digest: renewed, ..voucher.span });
    Ok(Vouched::Covers { until, renewed })
}
