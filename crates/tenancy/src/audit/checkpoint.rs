//! Checkpoints: how far a chain has been verified.
//!
//! The verification of a long chain continues from the end of the previous one. A checkpoint has its own kind of seal,
//! so write access to the catalog does not allow inventing one, or using it as an anchor or a voucher.

use platform::sql::{Connection, Statement};
use uuid::Uuid;

use super::voucher::{Purpose, RowDigest, Span};
use crate::{context::Context, error::Result};

/// Returns the last checkpoint of a chain that this service has stored for a revision of the chain; `None` if there is
/// none.
pub(super) async fn find(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
    revision: i64,
) -> Result<Option<Span>> {
    let statement = "SELECT after, sequence, mac, digest, seal FROM tenant_audit_checkpoints
                     WHERE chain = $1 AND revision = $2 AND after IS NOT NULL AND digest IS NOT NULL";
    let Some(row) = catalog.query_first(statement, &[chain.into(), revision.into()]).await? else {
        return Ok(None);
    };
    let (digest, seal): (Vec<u8>, Vec<u8>) = (row.get("digest")?, row.get("seal")?);
    let Ok(digest) = digest.try_into() else { return Ok(None) };
    let found = Span {
        after: row.get("after")?,
        sequence: row.get("sequence")?,
        mac: row.get("mac")?,
        digest: RowDigest(digest),
    };
    let mut check = context.master_key.audit_check();
    let is_ours = found.has_seal(&mut check, Purpose::Checkpoint, chain, &seal)?;
    Ok(is_ours.then_some(found))
}

/// Stores that a revision of a chain has been verified up to a link.
pub(super) async fn store(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
    revision: i64,
    span: &Span,
) -> Result<()> {
    let seal = span.seal(context, Purpose::Checkpoint, chain)?;
    let statement = "
        INSERT INTO tenant_audit_checkpoints (chain, revision, after, sequence, mac, digest, seal)
        VALUES (:chain, :revision, :after, :sequence, :mac, :digest, :seal)
        ON CONFLICT (chain) DO UPDATE
        SET revision = excluded.revision, after = excluded.after, sequence = excluded.sequence,
            mac = excluded.mac, digest = excluded.digest, seal = excluded.seal, verified_at = now()";
    let statement = Statement::new(statement)
        .bind("chain", chain)
        .bind("revision", revision)
        .bind("after", span.after)
        .bind("sequence", span.sequence)
        .bind("mac", span.mac.clone())
        .bind("digest", span.digest.0.as_slice())
        .bind("seal", seal.as_slice());
    statement.execute(catalog).await?;
    Ok(())
}
