//! Keys derived from a master key, and MACs.

use aes_gcm::Aes256Gcm;
use chacha20poly1305::XChaCha20Poly1305;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    secret::Secret,
};

/// The id of a key in a sealed value.
pub(super) type KeyId = [u8; 4];

/// The keys derived from one master key (HKDF-SHA-256, RFC 5869), one for each use.
pub(super) struct DerivedKeys {
    pub(super) id: KeyId,
    pub(super) sealing: Aes256Gcm,
    pub(super) snapshots: XChaCha20Poly1305,
    request_hashes: Zeroizing<[u8; 32]>,
    refresh_tokens: Zeroizing<[u8; 32]>,
    throttling: Zeroizing<[u8; 32]>,
    audit: Zeroizing<[u8; 32]>,
    waiting_events: Zeroizing<[u8; 32]>,
    vouchers: Zeroizing<[u8; 32]>,
    addresses: Zeroizing<[u8; 32]>,
}

impl DerivedKeys {
    /// Derives the keys from the unmodified text of a setting.
    pub(super) fn new(text: &Secret) -> Result<Self> {
        let root = Hkdf::<Sha256>::new(None, text.expose().as_bytes());
        let mut id = [0; 4];
        let mut sealing = Zeroizing::new([0; 32]);
        let mut snapshots = Zeroizing::new([0; 32]);
        let mut request_hashes = Zeroizing::new([0; 32]);
        let mut refresh_tokens = Zeroizing::new([0; 32]);
        let mut throttling = Zeroizing::new([0; 32]);
        let mut audit = Zeroizing::new([0; 32]);
        let mut waiting_events = Zeroizing::new([0; 32]);
        let mut vouchers = Zeroizing::new([0; 32]);
        let mut addresses = Zeroizing::new([0; 32]);
        let outputs: [(&[u8], &mut [u8]); 10] = [
            (b"tenancy/v1/key id", &mut id),
            (b"tenancy/v1/sealing", &mut *sealing),
            (b"tenancy/v1/snapshots", &mut *snapshots),
            (b"tenancy/v1/request hashes", &mut *request_hashes),
            (b"tenancy/v1/refresh tokens", &mut *refresh_tokens),
            (b"tenancy/v1/guessing", &mut *throttling),
            (b"tenancy/v1/audit", &mut *audit),
            (b"tenancy/v1/waiting audit events", &mut *waiting_events),
            (b"tenancy/v1/audit vouchers", &mut *vouchers),
            (b"tenancy/v1/addresses", &mut *addresses),
        ];
        for (use_of_key, output) in outputs {
            root.expand(use_of_key, output).map_err(Error::internal)?;
        }
        let sealing = Aes256Gcm::new_from_slice(&*sealing).map_err(Error::internal)?;
        let snapshots = XChaCha20Poly1305::new_from_slice(&*snapshots).map_err(Error::internal)?;
        Ok(Self {
            id,
            sealing,
            snapshots,
            request_hashes,
            refresh_tokens,
            throttling,
            audit,
            waiting_events,
            vouchers,
            addresses,
        })
    }

    pub(super) fn request_hash(&self, request: &[u8]) -> Result<[u8; 32]> {
        mac(&*self.request_hashes, &[request])
    }

    pub(super) fn address_hash(&self, address: &str) -> Result<[u8; 32]> {
        mac(&*self.addresses, &[address.as_bytes()])
    }

    pub(super) fn refresh_check(
        &self,
        tenant: Uuid,
        session: Uuid,
        secret: &[u8; 32],
    ) -> Result<[u8; 16]> {
        let parts: [&[u8]; 4] = [b"check", tenant.as_bytes(), session.as_bytes(), secret];
        let mut check = [0; 16];
        check.copy_from_slice(&mac(&*self.refresh_tokens, &parts)?[..16]);
        Ok(check)
    }

    pub(super) fn throttling_subject(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        framed_mac(&*self.throttling, parts)
    }

    pub(super) fn audit_anchor_seal(
        &self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
    ) -> Result<[u8; 32]> {
        mac(&*self.audit, &[b"anchor", chain.as_bytes(), &sequence.to_be_bytes(), link])
    }

    /// Returns the seal of an event in an outbox.
    pub(super) fn waiting_event_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        framed_mac(&*self.waiting_events, parts)
    }

    /// Returns the seal of a voucher or a checkpoint of an audit trail.
    pub(super) fn voucher_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        framed_mac(&*self.vouchers, parts)
    }

    pub(super) fn audit_mac(&self, previous: &[u8], row: &[u8]) -> Result<[u8; 32]> {
        mac(&*self.audit, &[previous, row])
    }
}

/// Returns the HMAC-SHA-256 of the concatenated parts. All parts except one must have a fixed length.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(Error::internal)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}

/// Returns the HMAC-SHA-256 of parts of any length. Each part is preceded by its length, so that different lists of
/// parts never result in the same bytes.
fn framed_mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    let lengths: Vec<_> = parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let framed: Vec<&[u8]> =
        lengths.iter().zip(parts).flat_map(|(length, part)| [&length[..], part]).collect();
    mac(key, &framed)
}
