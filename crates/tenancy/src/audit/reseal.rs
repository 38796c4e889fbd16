//! Moves audit trails to another master key: anchors are sealed again with the current key, and the rows that former
//! keys have chained get a voucher.
//!
//! Under a crash: each chain is one statement, and a repeated call completes the others.

use platform::sql::{Connection, SCHEMA_DEADLINE, SqlError};
use uuid::Uuid;

use super::{Extent, redaction, voucher, walk};
use crate::{
    audit::rows,
    context::Context,
    crypto::Sealer,
    error::{Error, Result},
};

/// Returns the chains that have an anchor, and the key that sealed it.
pub async fn list(context: &Context) -> Result<Vec<(Uuid, Sealer)>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let statement = "SELECT chain, sequence, mac, seal FROM tenant_audit_anchors ORDER BY chain";
    let rows = catalog.query(statement, &[]).await?;
    let anchors = rows.iter().map(|row| {
        let chain = row.get("chain")?;
        Ok((chain, sealer(context, chain, &rows::anchor_of(row)?)?))
    });
    anchors.collect()
}

/// Seals the anchor of a chain with the current key. Returns `false` if that key has sealed it already.
///
/// # Errors
/// [`Error::Internal`] if no configured key sealed the anchor: resealing must not make it genuine.
pub async fn reseal(context: &Context, chain: Uuid) -> Result<bool> {
    let catalog = context.catalog().await?;
    while let Some(anchor) = rows::anchor(&*catalog, chain).await? {
        match sealer(context, chain, &anchor)? {
            Sealer::Current => return Ok(false),
            Sealer::Other => {}
            Sealer::Unknown => {
                let why = "was not sealed by this service, or the master key that sealed it is no longer configured";
                return Err(Error::internal(format!("the anchor of {chain} {why}")));
            }
        }
        if replace(context, &*catalog, chain, &anchor).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sealer(context: &Context, chain: Uuid, anchor: &rows::Anchor) -> Result<Sealer> {
    let rows::Anchor { sequence, mac, seal } = anchor;
    if context.master_key.audit_anchor_seal(chain, *sequence, mac)?.as_slice() == seal {
        return Ok(Sealer::Current);
    }
    let is_ours = context.master_key.audit_check().is_anchor(chain, *sequence, mac, seal)?;
    Ok(if is_ours { Sealer::Other } else { Sealer::Unknown })
}

/// Returns `false` if the anchor was replaced in the meantime.
async fn replace(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
    old: &rows::Anchor,
) -> Result<bool> {
    let seal = context.master_key.audit_anchor_seal(chain, old.sequence, &old.mac)?;
    let statement = "UPDATE tenant_audit_anchors SET seal = $3 WHERE chain = $1 AND seal = $2";
    let parameters = [chain.into(), old.seal.clone().into(), seal.as_slice().into()];
    Ok(catalog.execute(statement, &parameters).await? == 1)
}

/// Returns the chains that have rows.
pub async fn list_trails(context: &Context) -> Result<Vec<Uuid>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let rows = catalog.query("SELECT chain FROM tenant_audit_heads ORDER BY chain", &[]).await?;
    Ok(rows.iter().map(|row| row.get("chain")).collect::<Result<_, SqlError>>()?)
}

/// Verifies a chain with every configured key, and vouches for its rows with the current one. Returns `false` if the
/// current key has chained every row without a voucher.
///
/// # Errors
/// [`Error::Internal`] if the chain was changed since it was written: a voucher must not make it genuine.
pub async fn vouch(context: &Context, chain: Uuid) -> Result<bool> {
    let tenant = (!chain.is_nil()).then_some(chain);
    let examined = walk::examine(context, tenant, None, Extent::Full).await?;
    let found = &examined.found;
    if !found.valid {
        let (at, reason) = (found.broken_at.unwrap_or(0), found.reason.unwrap_or_default());
        return Err(Error::internal(format!(
            "the audit trail {chain} is invalid at {at}: {reason}. Keep every master key that is in use, \
             and run tenantctl audit verify"
        )));
    }
    if !examined.needs_another_key || examined.span.sequence == examined.span.after {
        return Ok(false);
    }
    let catalog = context.catalog().await?;
    let is_stored =
        voucher::store(context, &*catalog, chain, examined.revision, &examined.span).await?;
    if !is_stored && rows::revision(&*catalog, chain).await? != examined.revision {
        return Err(Error::unavailable(format!(
            "the audit trail {chain} was changed by an erasure meanwhile; repeat the command"
        )));
    }
    Ok(is_stored)
}

/// Returns, for each chain with a row that has no voucher, the key of the first such row. A later row may need another
/// key, which only [`vouch`] determines.
pub async fn list_first_keys(context: &Context) -> Result<Vec<Sealer>> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let mut keys = Vec::new();
    for chain in list_trails(context).await? {
        keys.extend(first_key(context, &*catalog, chain).await?);
    }
    Ok(keys)
}

async fn first_key(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
) -> Result<Option<Sealer>> {
    let tenant = (!chain.is_nil()).then_some(chain);
    let (mut sequence, mut mac) = match rows::anchor(catalog, chain).await? {
        Some(anchor) => (anchor.sequence, anchor.mac),
        None => (0, Vec::new()),
    };
    if let Some(voucher) = voucher::find(catalog, chain).await?
        && voucher.span.after == sequence
    {
        (sequence, mac) = (voucher.span.sequence, voucher.span.mac);
    }
    let Some(row) = rows::first(catalog, tenant, sequence).await? else {
        return Ok(None);
    };
    let mut check = context.master_key.audit_check();
    Ok(Some(if !redaction::is_intact(&mut check, chain, &mac, &row)? {
        Sealer::Unknown
    } else if check.take_has_used_another() {
        Sealer::Other
    } else {
        Sealer::Current
    }))
}
