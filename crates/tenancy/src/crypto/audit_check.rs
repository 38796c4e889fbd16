//! Whether MACs of an audit trail are this service's.

use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::derived::DerivedKeys;
use crate::error::Result;

/// Compares MACs of a trail with those that the master keys make. The key that fitted last is tried
/// first, since rows that follow one another mostly have one key.
pub(crate) struct AuditCheck<'a>(pub(super) Vec<&'a DerivedKeys>);

impl AuditCheck<'_> {
    /// Whether `mac` is the link after `previous`, for a row of this content.
    pub(crate) fn is_link(&mut self, previous: &[u8], row: &[u8], mac: &[u8]) -> Result<bool> {
        self.fits(mac, |key| key.audit_mac(previous, row))
    }

    /// Whether `seal` is that of the anchor of a trail at this link.
    pub(crate) fn is_anchor(
        &mut self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
        seal: &[u8],
    ) -> Result<bool> {
        self.fits(seal, |key| key.audit_anchor_seal(chain, sequence, link))
    }

    /// Returns whether `seal` is that of the checkpoint of a trail at this link.
    pub(crate) fn is_checkpoint(
        &mut self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
        seal: &[u8],
    ) -> Result<bool> {
        self.fits(seal, |key| key.audit_checkpoint_seal(chain, sequence, link))
    }

    fn fits(
        &mut self,
        given: &[u8],
        make: impl Fn(&DerivedKeys) -> Result<[u8; 32]>,
    ) -> Result<bool> {
        for index in 0..self.0.len() {
            if bool::from(make(self.0[index])?.as_slice().ct_eq(given)) {
                self.0.swap(0, index);
                return Ok(true);
            }
        }
        Ok(false)
    }
}
