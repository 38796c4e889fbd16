//! How far a chain has been verified.
//!
//! A verification of a long chain goes on where the one before it ended. A checkpoint has a seal of its own, so nobody
//! who writes to the catalog can invent one, or use it as an anchor.

use uuid::Uuid;

use super::verify::{Anchor, anchor_of};
use crate::{error::Result, platform::sql::Connection, tenancy::Tenancy};

/// Returns the last checkpoint of a chain that this service has stored; `None` without one.
pub(super) async fn find(
    tenancy: &Tenancy,
    catalog: &dyn Connection,
    chain: Uuid,
) -> Result<Option<Anchor>> {
    let statement = "SELECT sequence, mac, seal FROM tenant_audit_checkpoints WHERE chain = $1";
    let Some(row) = catalog.query_first(statement, &[chain.into()]).await? else {
        return Ok(None);
    };
    let found = anchor_of(&row)?;
    let mut check = tenancy.master_key.audit_check();
    let is_ours = check.is_checkpoint(chain, found.sequence, &found.mac, &found.seal)?;
    Ok(is_ours.then_some(found))
}

/// Stores that a chain has been verified up to a link.
pub(super) async fn store(
    tenancy: &Tenancy,
    catalog: &dyn Connection,
    chain: Uuid,
    (sequence, mac): (i64, &[u8]),
) -> Result<()> {
    let seal = tenancy.master_key.audit_checkpoint_seal(chain, sequence, mac)?;
    let statement = "
        INSERT INTO tenant_audit_checkpoints (chain, sequence, mac, seal) VALUES ($1, $2, $3, $4)
        ON CONFLICT (chain) DO UPDATE
        SET sequence = excluded.sequence, mac = excluded.mac, seal = excluded.seal, verified_at = now()";
    let parameters = [chain.into(), sequence.into(), mac.into(), seal.as_slice().into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}
