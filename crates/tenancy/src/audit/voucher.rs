//! Vouchers: verify the rows of a chain up to a link by a digest instead of their MACs.
//!
//! The MACs of a chain require the master keys that made them. `tenantctl reseal` verifies a chain with those keys, and
//! seals a digest of its rows with the current key. The former keys are then no longer needed and can be destroyed.

use platform::sql::{Connection, SqlError, Statement};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{context::Context, crypto::AuditCheck, error::Result};

/// A running digest of rows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowDigest(pub(super) [u8; 32]);

impl RowDigest {
    /// Adds a row: the content that its MAC covers, and the MAC.
    pub(super) fn add(&mut self, content: &[u8], mac: &[u8]) {
        let mut digest = Sha256::new_with_prefix(self.0);
        // The length prevents a part of the content from being taken for the MAC.
        digest.update((content.len() as u64).to_be_bytes());
        digest.update(content);
        digest.update(mac);
        self.0 = digest.finalize().into();
    }
}

/// The rows of a chain after one place, up to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// The digest begins after this row: the anchor of the chain, or 0.
    pub(super) after: i64,
    pub(super) sequence: i64,
    /// The MAC of the last row.
    pub(super) mac: Vec<u8>,
    pub(super) digest: RowDigest,
}

/// The statement that a seal confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The rows are unchanged since they were written.
    Voucher,
    /// A verification has reached this row.
    Checkpoint,
}

impl Voucher {
    /// Returns whether the service has sealed the voucher.
    pub(super) fn is_sealed(&self, check: &mut AuditCheck<'_>, chain: Uuid) -> Result<bool> {
        self.span.has_seal(check, Purpose::Voucher, chain, &self.seal)
    }
}

impl Span {
    pub(super) fn seal(
        &self,
        context: &Context,
        purpose: Purpose,
        chain: Uuid,
    ) -> Result<[u8; 32]> {
        self.with_parts(purpose, chain, |parts| context.master_key.voucher_seal(parts))
    }

    pub(super) fn has_seal(
        &self,
        check: &mut AuditCheck<'_>,
        purpose: Purpose,
        chain: Uuid,
        seal: &[u8],
    ) -> Result<bool> {
        self.with_parts(purpose, chain, |parts| check.is_voucher(parts, seal))
    }

    fn with_parts<T>(&self, purpose: Purpose, chain: Uuid, call: impl FnOnce(&[&[u8]]) -> T) -> T {
        let purpose: &[u8] = match purpose {
            Purpose::Voucher => b"voucher",
            Purpose::Checkpoint => b"checkpoint",
        };
        let (after, sequence) = (self.after.to_be_bytes(), self.sequence.to_be_bytes());
        call(&[purpose, chain.as_bytes(), &after, &sequence, &self.mac, &self.digest.0])
    }
}

/// A voucher in the catalog.
pub(super) struct Voucher {
    pub(super) span: Span,
    pub(super) seal: Vec<u8>,
}

/// Returns the voucher of a chain without checking its seal; `None` if there is none.
pub(super) async fn find(catalog: &dyn Connection, chain: Uuid) -> Result<Option<Voucher>> {
    let statement = "SELECT after, sequence, mac, digest, seal FROM tenant_audit_vouchers
                     WHERE chain = $1";
    let Some(row) = catalog.query_first(statement, &[chain.into()]).await? else {
        return Ok(None);
    };
    let digest: Vec<u8> = row.get("digest")?;
    let Ok(digest) = digest.try_into() else {
        return Err(
            SqlError::Decode("the digest of a voucher has an invalid length".to_owned()).into()
        );
    };
    let span = Span {
        after: row.get("after")?,
        sequence: row.get("sequence")?,
        mac: row.get("mac")?,
        digest: RowDigest(digest),
    };
    Ok(Some(Voucher { span, seal: row.get("seal")? }))
}

/// Stores a voucher for a revision of a chain, which the current key seals. Returns `false` if rows of the chain were
/// redacted or months were dropped in the meantime, or another voucher reaches as far.
pub(super) async fn store(
    context: &Context,
    catalog: &dyn Connection,
    chain: Uuid,
    revision: i64,
    span: &Span,
) -> Result<bool> {
    let seal = span.seal(context, Purpose::Voucher, chain)?;
    // The chain of an unfinished import has no head yet.
    let statement = "
        WITH current AS (
            UPDATE tenant_audit_heads SET revision = revision + 1
            WHERE chain = :chain::uuid AND revision = :revision::bigint RETURNING chain
        )
        INSERT INTO tenant_audit_vouchers AS v (chain, after, sequence, mac, digest, seal)
        SELECT :chain, :after::bigint, :sequence::bigint, :mac::bytea, :digest::bytea, :seal::bytea
        WHERE COALESCE((SELECT sequence FROM tenant_audit_anchors WHERE chain = :chain), 0) = :after
          AND (EXISTS (SELECT FROM current)
               OR NOT EXISTS (SELECT FROM tenant_audit_heads WHERE chain = :chain))
        ON CONFLICT (chain) DO UPDATE
        SET after = excluded.after, sequence = excluded.sequence, mac = excluded.mac,
            digest = excluded.digest, seal = excluded.seal, created_at = now()
        WHERE v.after < excluded.after OR v.sequence <= excluded.sequence";
    let statement = Statement::new(statement)
        .bind("chain", chain)
        .bind("revision", revision)
        .bind("after", span.after)
        .bind("sequence", span.sequence)
        .bind("mac", span.mac.clone())
        .bind("digest", span.digest.0.as_slice())
        .bind("seal", seal.as_slice());
    Ok(statement.execute(catalog).await? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::MasterKey, secret::Secret};

    #[test]
    fn seal_covers_every_field_and_the_purpose() {
        let key = Secret::from("a master key of thirty-two bytes".to_owned());
        let key = MasterKey::derive(&key, &[]).unwrap();
        let chain = Uuid::from_u128(1);
        let span = Span { after: 1, sequence: 2, mac: vec![3; 32], digest: RowDigest([4; 32]) };
        let seal =
            span.with_parts(Purpose::Voucher, chain, |parts| key.voucher_seal(parts)).unwrap();
        let fits = |span: &Span, purpose, chain| {
            span.has_seal(&mut key.audit_check(), purpose, chain, &seal).unwrap()
        };
        assert!(fits(&span, Purpose::Voucher, chain));
        assert!(!fits(&span, Purpose::Checkpoint, chain));
        assert!(!fits(&span, Purpose::Voucher, Uuid::from_u128(2)));
        for other in [
            Span { after: 0, ..span.clone() },
            Span { sequence: 3, ..span.clone() },
            Span { mac: vec![4; 32], ..span.clone() },
            Span { digest: RowDigest([5; 32]), ..span.clone() },
        ] {
            assert!(!fits(&other, Purpose::Voucher, chain), "{other:?}");
        }
    }

    #[test]
    fn digest_depends_on_each_row_and_their_order() {
        let digest = |rows: &[(&[u8], &[u8])]| {
            let mut digest = RowDigest::default();
            for (content, mac) in rows {
                digest.add(content, mac);
            }
            digest
        };
        let rows: [(&[u8], &[u8]); 2] = [(b"a", b"1"), (b"b", b"2")];
        let all = digest(&rows);
        assert_ne!(all, digest(&rows[..1]));
        assert_ne!(all, digest(&[rows[1], rows[0]]));
        assert_ne!(all, digest(&[(b"a1", b""), rows[1]]));
    }
}
