//! Verification of the MACs of an audit trail.

use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::derived::DerivedKeys;
use crate::{crypto::derived::KeyId, error::Result};

/// Verifies MACs of a trail with the master keys. The key that matched last is tried first, because consecutive rows
/// usually have the same key.
pub(crate) struct AuditCheck<'a> {
    keys: Vec<&'a DerivedKeys>,
    current: Option<KeyId>,
    has_used_another: bool,
}

impl<'a> AuditCheck<'a> {
    /// Creates a verifier with these keys, the current one first.
    pub(super) fn new(keys: Vec<&'a DerivedKeys>) -> Self {
        let current = keys.first().map(|key| key.id);
        Self { keys, current, has_used_another: false }
    }

    /// Returns whether a key other than the current one has matched since the last call.
    pub(crate) fn take_has_used_another(&mut self) -> bool {
        std::mem::take(&mut self.has_used_another)
    }

    /// Returns whether `mac` is the link after `previous` for a row with this content.
    pub(crate) fn is_link(&mut self, previous: &[u8], row: &[u8], mac: &[u8]) -> Result<bool> {
        self.fits(mac, |key| key.audit_mac(previous, row))
    }

    /// Returns whether `seal` is the seal of a trail's anchor at this link.
    pub(crate) fn is_anchor(
        &mut self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
        seal: &[u8],
    ) -> Result<bool> {
        self.fits(seal, |key| key.audit_anchor_seal(chain, sequence, link))
    }

    /// Returns whether `seal` is the seal of an event in an outbox.
    pub(crate) fn is_waiting_event(&mut self, parts: &[&[u8]], seal: &[u8]) -> Result<bool> {
        self.fits(seal, |key| key.waiting_event_seal(parts))
    }

    /// Returns whether `seal` is the seal of a voucher or a checkpoint.
    pub(crate) fn is_voucher(&mut self, parts: &[&[u8]], seal: &[u8]) -> Result<bool> {
        self.fits(seal, |key| key.voucher_seal(parts))
    }

    fn fits(
        &mut self,
        given: &[u8],
        make: impl Fn(&DerivedKeys) -> Result<[u8; 32]>,
    ) -> Result<bool> {
        for index in 0..self.keys.len() {
            if bool::from(make(self.keys[index])?.as_slice().ct_eq(given)) {
                self.has_used_another |= Some(self.keys[index].id) != self.current;
                self.keys.swap(0, index);
                return Ok(true);
            }
        }
        Ok(false)
    }
}
