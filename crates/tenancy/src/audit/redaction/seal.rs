//! The seal of a redacted row, which replaces its MAC in a verification.

use uuid::Uuid;

use super::super::rows::StoredRow;
use crate::{crypto::AuditCheck, error::Result};

/// Returns whether a row is the link after `previous` and unchanged, apart from a redaction.
pub(in crate::audit) fn is_intact(
    check: &mut AuditCheck<'_>,
    chain: Uuid,
    previous: &[u8],
    row: &StoredRow,
) -> Result<bool> {
    let content = row.content();
    match &row.redaction {
        Some(seal) => {
            let parts = parts(chain, row.event.sequence, previous, &row.mac);
            check.is_voucher(&parts.slices(&content), seal)
        }
        None => check.is_link(previous, &content, &row.mac),
    }
}

/// The parts that the seal of a redacted row covers, besides its content.
pub(super) struct Parts<'a> {
    chain: Uuid,
    sequence: [u8; 8],
    previous: &'a [u8],
    mac: &'a [u8],
}

pub(super) fn parts<'a>(
    chain: Uuid,
    sequence: i64,
    previous: &'a [u8],
    mac: &'a [u8],
) -> Parts<'a> {
    Parts { chain, sequence: sequence.to_be_bytes(), previous, mac }
}

impl Parts<'_> {
    pub(super) fn slices<'b>(&'b self, content: &'b [u8]) -> [&'b [u8]; 6] {
        [b"redaction", self.chain.as_bytes(), &self.sequence, self.previous, self.mac, content]
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{NO_SEAL, candidate::tests::row},
        *,
    };
    use crate::{crypto::MasterKey, secret::Secret};

    // S37, S44
    #[test]
    fn seal_covers_content_and_both_macs() {
        let key = Secret::from("a master key of thirty-two bytes".to_owned());
        let key = MasterKey::derive(&key, &[]).unwrap();
        let (chain, previous) = (Uuid::from_u128(2), vec![5; 32]);
        let mut sealed = row("user", None);
        let seal = {
            let parts = parts(chain, 3, &previous, &sealed.mac);
            key.voucher_seal(&parts.slices(&sealed.content())).unwrap()
        };
        sealed.redaction = Some(seal.to_vec());
        let intact = |row: &StoredRow, chain, previous: &[u8]| {
            is_intact(&mut key.audit_check(), chain, previous, row).unwrap()
        };
        assert!(intact(&sealed, chain, &previous));
        assert!(!intact(&sealed, Uuid::from_u128(3), &previous));
        assert!(!intact(&sealed, chain, &[6; 32]));
        sealed.event.address = Some("192.0.2.2".to_owned());
        assert!(!intact(&sealed, chain, &previous));
        sealed.event.address = Some("192.0.2.1".to_owned());
        sealed.mac = vec![2; 32];
        assert!(!intact(&sealed, chain, &previous));
        sealed.mac = vec![1; 32];
        sealed.redaction = Some(NO_SEAL.to_vec());
        assert!(!intact(&sealed, chain, &previous));
    }
}
