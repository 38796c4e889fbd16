//! The audit trail of a tenant in a bundle.
//!
//! The MACs of a chain need the master keys of the installation that made them. That installation verifies the chain,
//! and the bundle contains a digest of its rows. After the import the digest of the rows is compared, and the current key
//! vouches for them ([`super::voucher`]). A chain that was invalid before stays invalid.

use platform::sql::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    Extent, rows,
    voucher::{self, RowDigest, Span},
    walk,
};
use crate::{
    context::Context,
    error::{Error, Result},
};

/// The rows of a chain: from its anchor to its end, with a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailSummary {
    /// The last row that was dropped; 0 if none was.
    pub after: i64,
    /// The last row.
    pub sequence: i64,
    /// The MAC of the last row, in hexadecimal digits.
    pub mac: String,
    /// The digest of the rows, in hexadecimal digits.
    pub digest: String,
}

/// The relation of a chain in the catalog to the chain of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// The catalog has no such chain.
    None,
    /// The catalog has the end of the bundle's chain, and possibly later rows.
    Contains,
    /// The catalog has other rows.
    Differs,
}

/// Returns the summary of a tenant's chain; `None` for an empty chain. All statements must see one moment.
///
/// # Errors
/// [`Error::Internal`] if a row is missing or has a duplicate.
pub async fn summarize(catalog: &dyn Connection, tenant: Uuid) -> Result<Option<TrailSummary>> {
    Ok(span(catalog, tenant).await?.map(|span| TrailSummary {
        after: span.after,
        sequence: span.sequence,
        mac: hex(&span.mac),
        digest: hex(&span.digest.0),
    }))
}

async fn span(catalog: &dyn Connection, tenant: Uuid) -> Result<Option<Span>> {
    let anchor = rows::anchor(catalog, tenant).await?;
    let (after, mac) = anchor.map_or((0, Vec::new()), |anchor| (anchor.sequence, anchor.mac));
    let mut span = Span { after, sequence: after, mac, digest: RowDigest::default() };
    loop {
        let page = rows::page(catalog, Some(tenant), span.sequence).await?;
        if page.is_empty() {
            return Ok((span.sequence > 0).then_some(span));
        }
        for row in page {
            let sequence = row.event.sequence;
            if sequence != span.sequence + 1 {
                let at = span.sequence + 1;
                return Err(Error::internal(format!(
                    "row {at} of the audit trail of {tenant} is missing or duplicated"
                )));
            }
            span.digest.add(&row.content(), &row.mac);
            (span.sequence, span.mac) = (sequence, row.mac);
        }
    }
}

/// Compares the chain of a bundle with the chain of the same tenant in the catalog.
pub async fn compare(
    catalog: &dyn Connection,
    tenant: Uuid,
    summary: Option<&TrailSummary>,
) -> Result<Existing> {
    let (sequence, mac) = rows::head(catalog, tenant).await?;
    if sequence == 0 {
        return Ok(Existing::None);
    }
    let Some(summary) = summary else { return Ok(Existing::Differs) };
    let is_same = if sequence == summary.sequence {
        hex(&mac) == summary.mac
    } else {
        let mac = base16ct::mixed::decode_vec(&summary.mac).map_err(Error::internal)?;
        sequence > summary.sequence
            && rows::has_link(catalog, Some(tenant), summary.sequence, &mac).await?
    };
    Ok(if is_same { Existing::Contains } else { Existing::Differs })
}

/// Stores the anchor of a chain, sealed with the current key. `row` is the row of the bundle.
pub async fn put_anchor(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    row: &Json,
) -> Result<()> {
    let sequence = row["sequence"].as_i64().unwrap_or_default();
    let mac = row["mac"].as_str().unwrap_or_default().trim_start_matches("\\x");
    let mac = base16ct::mixed::decode_vec(mac).map_err(Error::internal)?;
    let seal = context.master_key.audit_anchor_seal(tenant, sequence, &mac)?;
    let statement = "INSERT INTO tenant_audit_anchors (chain, sequence, mac, seal)
                     VALUES ($1, $2, $3, $4) ON CONFLICT (chain) DO NOTHING";
    let parameters = [tenant.into(), sequence.into(), mac.into(), seal.as_slice().into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}

/// Completes an imported chain after its rows were inserted: stores its head, and vouches for its rows if `was_valid`. Repeating the call does no harm.
/// `catalog` is in the transaction that has inserted the rows.
///
/// # Errors
/// [`Error::Internal`] if the rows differ from those of the bundle.
pub async fn adopt(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    summary: &TrailSummary,
    was_valid: bool,
) -> Result<()> {
    if rows::head(catalog, tenant).await?.0 == 0 {
        if summarize(catalog, tenant).await?.as_ref() != Some(summary) {
            return Err(Error::internal("the imported audit trail differs from the bundle"));
        }
        if let (true, Some(span)) = (was_valid, span(catalog, tenant).await?) {
            voucher::store(context, catalog, tenant, 0, &span).await?;
        }
        let mac = base16ct::mixed::decode_vec(&summary.mac).map_err(Error::internal)?;
        let statement = "INSERT INTO tenant_audit_heads (chain, sequence, mac) VALUES ($1, $2, $3)
                         ON CONFLICT (chain) DO NOTHING";
        let parameters = [tenant.into(), summary.sequence.into(), mac.into()];
        catalog.execute(statement, &parameters).await?;
        return Ok(());
    }
    if !was_valid || walk::verify(context, Some(tenant), None, Extent::Full).await?.valid {
        return Ok(());
    }
    let revision = rows::revision(catalog, tenant).await?;
    let Some(span) = span(catalog, tenant).await? else { return Ok(()) };
    if span.sequence == summary.sequence && hex(&span.digest.0) == summary.digest {
        voucher::store(context, catalog, tenant, revision, &span).await?;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}
