//! The anchors of trails, sealed anew with the current master key.

use uuid::Uuid;

use super::verify;
use crate::{
    crypto::Sealer,
    error::{Error, Result},
    platform::sql::{Connection, SCHEMA_DEADLINE},
    tenancy::Tenancy,
};

/// The chains that have an anchor, and the key that has sealed it.
pub async fn list(tenancy: &Tenancy) -> Result<Vec<(Uuid, Sealer)>> {
    let catalog = tenancy.catalog_within(SCHEMA_DEADLINE).await?;
    let statement = "SELECT chain, sequence, mac, seal FROM tenant_audit_anchors ORDER BY chain";
    let rows = catalog.query(statement, &[]).await?;
    let anchors = rows.iter().map(|row| {
        let chain = row.get("chain")?;
        Ok((chain, sealer(tenancy, chain, &verify::anchor_of(row)?)?))
    });
    anchors.collect()
}

/// Seals the anchor of a chain anew. `false` when the current key has sealed it already.
///
/// # Errors
/// [`Error::Internal`] for one that no key has sealed: it is not to become genuine here.
pub async fn reseal(tenancy: &Tenancy, chain: Uuid) -> Result<bool> {
    let catalog = tenancy.catalog().await?;
    while let Some(anchor) = verify::anchor(&*catalog, chain).await? {
        match sealer(tenancy, chain, &anchor)? {
            Sealer::Current => return Ok(false),
            Sealer::Other => {}
            Sealer::Unknown => {
                let why = "was not made by this service, or with a master key that is gone";
                return Err(Error::internal(format!("the anchor of {chain} {why}")));
            }
        }
        if replace(tenancy, &*catalog, chain, &anchor).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn sealer(tenancy: &Tenancy, chain: Uuid, anchor: &verify::Anchor) -> Result<Sealer> {
    let verify::Anchor { sequence, mac, seal } = anchor;
    if tenancy.master_key.audit_anchor_seal(chain, *sequence, mac)?.as_slice() == seal {
        return Ok(Sealer::Current);
    }
    let is_ours = tenancy.master_key.audit_check().is_anchor(chain, *sequence, mac, seal)?;
    Ok(if is_ours { Sealer::Other } else { Sealer::Unknown })
}

/// `false` when the anchor is another one meanwhile.
async fn replace(
    tenancy: &Tenancy,
    catalog: &dyn Connection,
    chain: Uuid,
    old: &verify::Anchor,
) -> Result<bool> {
    let seal = tenancy.master_key.audit_anchor_seal(chain, old.sequence, &old.mac)?;
    let statement = "UPDATE tenant_audit_anchors SET seal = $3 WHERE chain = $1 AND seal = $2";
    let parameters = [chain.into(), old.seal.clone().into(), seal.as_slice().into()];
    Ok(catalog.execute(statement, &parameters).await? == 1)
}
