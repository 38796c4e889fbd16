//! The master key and what is derived from it.

use aes_gcm::Aes256Gcm;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::sealed::{self, Purpose, Sealed};
use crate::{
    error::{Error, Result},
    platform::Random,
    settings::Secret,
};

/// Keys derived from the operator's master key (HKDF-SHA-256, RFC 5869), one for each use.
pub struct MasterKey {
    id: [u8; 4],
    sealing: Aes256Gcm,
    setup_tokens: Zeroizing<[u8; 32]>,
    request_hashes: Zeroizing<[u8; 32]>,
    refresh_tokens: Zeroizing<[u8; 32]>,
    guessing: Zeroizing<[u8; 32]>,
    audit: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    /// The keys that follow from the text of the setting, which is taken as it stands.
    pub fn derive(text: &Secret) -> Result<Self> {
        let root = Hkdf::<Sha256>::new(None, text.expose().as_bytes());
        let mut id = [0; 4];
        let mut sealing = Zeroizing::new([0; 32]);
        let mut setup_tokens = Zeroizing::new([0; 32]);
        let mut request_hashes = Zeroizing::new([0; 32]);
        let mut refresh_tokens = Zeroizing::new([0; 32]);
        let mut guessing = Zeroizing::new([0; 32]);
        let mut audit = Zeroizing::new([0; 32]);
        let outputs: [(&[u8], &mut [u8]); 7] = [
            (b"tenancy/v1/key id", &mut id),
            (b"tenancy/v1/sealing", &mut *sealing),
            (b"tenancy/v1/setup tokens", &mut *setup_tokens),
            (b"tenancy/v1/request hashes", &mut *request_hashes),
            (b"tenancy/v1/refresh tokens", &mut *refresh_tokens),
            (b"tenancy/v1/guessing", &mut *guessing),
            (b"tenancy/v1/audit", &mut *audit),
        ];
        for (use_of_key, output) in outputs {
            root.expand(use_of_key, output).map_err(Error::internal)?;
        }
        let sealing = Aes256Gcm::new_from_slice(&*sealing).map_err(Error::internal)?;
        Ok(Self { id, sealing, setup_tokens, request_hashes, refresh_tokens, guessing, audit })
    }

    /// Seals `plain` for one tenant and purpose.
    pub fn seal(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Sealed> {
        sealed::seal(&self.sealing, self.id, purpose, tenant, plain, random)
    }

    /// Opens what was sealed for this tenant and purpose.
    ///
    /// # Errors
    /// When it was sealed with another key, for another tenant or purpose, or was changed.
    pub fn open(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        sealed::open(&self.sealing, self.id, purpose, tenant, sealed)
    }

    /// A fingerprint of a request. It is keyed, so that a leaked catalog is no help in guessing a
    /// password that was in the request.
    pub fn request_hash(&self, request: &[u8]) -> Result<[u8; 32]> {
        mac(&*self.request_hashes, &[request])
    }

    /// The secret of the setup token of a tenant's first administrator.
    ///
    /// It follows from the tenant and the address, so that a provisioning that is repeated, or runs
    /// twice at once, gives the same token each time and none that another has replaced.
    pub fn first_setup_secret(&self, tenant: Uuid, email: &str) -> Result<[u8; 32]> {
        mac(&*self.setup_tokens, &[tenant.as_bytes(), email.as_bytes()])
    }

    /// The secret of the refresh token after one of this secret.
    pub(crate) fn next_refresh_secret(
        &self,
        tenant: Uuid,
        session: Uuid,
        secret: &[u8; 32],
    ) -> Result<[u8; 32]> {
        mac(&*self.refresh_tokens, &[b"next", tenant.as_bytes(), session.as_bytes(), secret])
    }

    /// What shows that this service has issued a refresh token.
    pub(crate) fn refresh_check(
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

    /// What stands for whoever is guessed at or guesses, where attempts are counted: who reads the
    /// counters learns no e-mail address from them.
    pub(crate) fn guessing_subject(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        mac(&*self.guessing, parts)
    }

    /// What shows that this service has made the anchor of an audit trail.
    pub(crate) fn audit_anchor_seal(
        &self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
    ) -> Result<[u8; 32]> {
        mac(&*self.audit, &[b"anchor", chain.as_bytes(), &sequence.to_be_bytes(), link])
    }

    /// The link of an audit trail after `previous`, for a row of this content.
    pub(crate) fn audit_mac(&self, previous: &[u8], row: &[u8]) -> Result<[u8; 32]> {
        mac(&*self.audit, &[previous, row])
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Result<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(Error::internal)?;
    for part in parts {
        mac.update(part);
    }
    Ok(mac.finalize().into_bytes().into())
}
