//! The key ring: the current master key and others that unseal.
//!
//! The current key creates new values. Values that another key in the ring has created stay valid, so that instances
//! with different current keys work side by side.

use platform::Random;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    AuditCheck, Fingerprints,
    derived::DerivedKeys,
    sealed::{self, HEAD, Purpose, Sealed},
};
use crate::{
    crypto::derived::KeyId,
    error::{Error, Result},
    secret::Secret,
};

/// The operator's master keys: the current one, and others that unseal.
pub struct MasterKey {
    current: DerivedKeys,
    others: Vec<DerivedKeys>,
}

/// The key that has sealed a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealer {
    /// The current key.
    Current,
    /// Another key in the ring.
    Other,
    /// No key in the ring.
    Unknown,
}

impl MasterKey {
    /// Creates a key ring.
    ///
    /// # Errors
    /// [`Error::Internal`] if two keys have the same id, for example because they are identical. A sealed value must
    /// identify exactly one key.
    pub fn derive(current: &Secret, others: &[Secret]) -> Result<Self> {
        let current = DerivedKeys::new(current)?;
        let others = others.iter().map(DerivedKeys::new).collect::<Result<Vec<_>>>()?;
        let ring = Self { current, others };
        let mut ids: Vec<KeyId> = ring.keys().map(|key| key.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::internal("two master keys have the same id"));
        }
        Ok(ring)
    }

    /// Returns the current key, followed by the others.
    fn keys(&self) -> impl Iterator<Item = &DerivedKeys> {
        std::iter::once(&self.current).chain(&self.others)
    }

    fn key(&self, id: KeyId) -> Option<&DerivedKeys> {
        self.keys().find(|key| key.id == id)
    }

    /// Seals `plain` for one tenant and purpose.
    pub fn seal(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Sealed> {
        sealed::seal(&self.current, purpose, tenant, &[], plain, random)
    }

    /// Seals `plain` for one tenant, purpose and address.
    pub fn seal_for_address(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        address: &[&str],
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Sealed> {
        sealed::seal(&self.current, purpose, tenant, address, plain, random)
    }

    /// Unseals a value for this tenant and purpose, with the key that the value identifies.
    ///
    /// # Errors
    /// [`Error::Internal`] if the value was sealed with a key that is not in the ring, was sealed for another tenant or
    /// purpose, or was modified.
    pub fn open(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        sealed::open(|id| self.key(id), purpose, tenant, &[], sealed)
    }

    /// Unseals a value for this tenant, purpose and address, with the key that the value identifies.
    ///
    /// # Errors
    /// The same as [`MasterKey::open`], and if the value was sealed for another address.
    pub fn open_for_address(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        address: &[&str],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        sealed::open(|id| self.key(id), purpose, tenant, address, sealed)
    }

    /// Returns the first bytes of the values that the current key seals for this purpose.
    pub fn current_head(&self, purpose: Purpose) -> [u8; HEAD] {
        sealed::head_for(purpose, self.current.id)
    }

    /// Returns the key that has sealed a persistent value with these first bytes.
    pub fn sealer(&self, head: &[u8]) -> Sealer {
        match sealed::lasting_key_id(head) {
            Some(id) if id == self.current.id => Sealer::Current,
            Some(id) if self.key(id).is_some() => Sealer::Other,
            _ => Sealer::Unknown,
        }
    }

    /// Returns the fingerprints of a request.
    pub fn fingerprints(&self, request: &[u8]) -> Result<Fingerprints> {
        let others = self.others.iter().map(|key| key.request_hash(request));
        Ok(Fingerprints {
            current: self.current.request_hash(request)?,
            others: others.collect::<Result<_>>()?,
        })
    }

    /// Returns the hashes of an e-mail address, by which users of different tenants with this address are found.
    pub(crate) fn address_hashes(&self, address: &str) -> Result<Fingerprints> {
        let others = self.others.iter().map(|key| key.address_hash(address));
        Ok(Fingerprints {
            current: self.current.address_hash(address)?,
            others: others.collect::<Result<_>>()?,
        })
    }

    /// Returns the key with an id.
    pub(crate) fn holder(&self, id: &[u8]) -> Sealer {
        if id == self.current.id {
            Sealer::Current
        } else if self.others.iter().any(|key| id == key.id) {
            Sealer::Other
        } else {
            Sealer::Unknown
        }
    }

    /// Returns the id of the current key.
    pub(crate) fn current_id(&self) -> [u8; 4] {
        self.current.id
    }

    /// Returns the proof that this service has issued a refresh token.
    pub(crate) fn refresh_check(
        &self,
        tenant: Uuid,
        session: Uuid,
        secret: &[u8; 32],
    ) -> Result<[u8; 16]> {
        self.current.refresh_check(tenant, session, secret)
    }

    /// Returns whether the proof in a refresh token matches one of the keys.
    pub(crate) fn is_refresh_check(
        &self,
        tenant: Uuid,
        session: Uuid,
        secret: &[u8; 32],
        given: &[u8; 16],
    ) -> Result<bool> {
        for key in self.keys() {
            if bool::from(key.refresh_check(tenant, session, secret)?.ct_eq(given)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the pseudonym of an account or an address in login throttling. A reader of the counters learns no e-mail
    /// addresses.
    ///
    /// Only the current key creates it. Instances with different current keys count separately.
    pub(crate) fn throttling_subject(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.throttling_subject(parts)
    }

    /// Returns the proof that this service has created the anchor of an audit trail.
    pub(crate) fn audit_anchor_seal(
        &self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
    ) -> Result<[u8; 32]> {
        self.current.audit_anchor_seal(chain, sequence, link)
    }

    /// Returns the proof that this service has written an event in an outbox.
    pub(crate) fn waiting_event_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.waiting_event_seal(parts)
    }

    /// Returns the proof that this service has verified an audit trail up to a link.
    pub(crate) fn voucher_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.voucher_seal(parts)
    }

    /// Returns the link of an audit trail after `previous` for a row with this content.
    pub(crate) fn audit_mac(&self, previous: &[u8], row: &[u8]) -> Result<[u8; 32]> {
        self.current.audit_mac(previous, row)
    }

    /// Returns a verifier for MACs of a trail with all keys.
    pub(crate) fn audit_check(&self) -> AuditCheck<'_> {
        AuditCheck::new(self.keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::DataKeys;
    use platform::native::NativeRandom;

    const OLD: &str = "a master key of thirty-two bytes";
    const NEW: &str = "another master key of as many...";
    const TENANT: Uuid = Uuid::from_u128(1);

    fn ring(current: &str, others: &[&str]) -> MasterKey {
        let others: Vec<_> = others.iter().map(|text| Secret::from((*text).to_owned())).collect();
        MasterKey::derive(&Secret::from(current.to_owned()), &others).unwrap()
    }

    // S24
    #[test]
    fn value_unseals_with_the_key_it_names() {
        let (old, both, turned, new) =
            (ring(OLD, &[]), ring(OLD, &[NEW]), ring(NEW, &[OLD]), ring(NEW, &[]));
        let seal = |ring: &MasterKey| {
            ring.seal(Purpose::DataKey, TENANT, b"plain", &NativeRandom).unwrap()
        };
        let opens = |ring: &MasterKey, sealed: &Sealed| {
            ring.open(Purpose::DataKey, TENANT, sealed).is_ok_and(|plain| *plain == b"plain")
        };
        for (sealer, expected) in [
            (&old, [true, true, true, false]),
            (&both, [true, true, true, false]),
            (&turned, [false, true, true, true]),
            (&new, [false, true, true, true]),
        ] {
            let sealed = seal(sealer);
            assert_eq!([&old, &both, &turned, &new].map(|ring| opens(ring, &sealed)), expected);
            assert!(sealed.0.starts_with(&sealer.current_head(Purpose::DataKey)));
        }
        let sealed = seal(&old);
        assert_eq!(
            [&old, &turned, &new].map(|ring| ring.sealer(&sealed.0)),
            [Sealer::Current, Sealer::Other, Sealer::Unknown]
        );
        assert_eq!(old.sealer(&sealed.0[..4]), Sealer::Unknown);
        // Only the key that the value identifies is tried.
        let mut renamed = sealed;
        renamed.0[..HEAD].copy_from_slice(&new.current_head(Purpose::DataKey));
        assert!(!opens(&turned, &renamed));
    }

    // S24
    #[test]
    fn ring_refuses_duplicate_keys() {
        for others in [&[OLD][..], &[NEW, NEW], &[NEW, OLD]] {
            let others: Vec<_> = others.iter().map(|key| Secret::from((*key).to_owned())).collect();
            assert!(MasterKey::derive(&Secret::from(OLD.to_owned()), &others).is_err());
        }
    }

    // S24
    #[test]
    fn request_is_recognised_with_every_key() {
        let kept = ring(OLD, &[]).fingerprints(b"request").unwrap().current();
        for (ring, expected) in
            [(ring(OLD, &[NEW]), true), (ring(NEW, &[OLD]), true), (ring(NEW, &[]), false)]
        {
            let own = ring.fingerprints(b"request").unwrap();
            assert_eq!(own.contain(&kept), expected);
            assert_eq!(own.to_texts().contains(&base16ct::lower::encode_string(&kept)), expected);
            assert!(!ring.fingerprints(b"another").unwrap().contain(&kept));
        }
    }

    // S24
    #[test]
    fn trail_is_verified_with_every_key() {
        let (old, new) = (ring(OLD, &[]), ring(NEW, &[]));
        let mut macs: Vec<[u8; 32]> = Vec::new();
        for key in [&old, &old, &new, &old, &new] {
            let previous = macs.last().map_or(&[][..], |mac| mac);
            macs.push(key.audit_mac(previous, b"row").unwrap());
        }
        let verified = |ring: &MasterKey, row: &[u8]| {
            let mut check = ring.audit_check();
            let previous = std::iter::once(&[][..]).chain(macs.iter().map(|mac| &mac[..]));
            previous
                .zip(&macs)
                .take_while(|(previous, mac)| check.is_link(previous, row, &mac[..]).unwrap())
                .count()
        };
        assert_eq!(verified(&ring(NEW, &[OLD]), b"row"), 5);
        assert_eq!(verified(&ring(OLD, &[NEW]), b"row"), 5);
        assert_eq!(verified(&old, b"row"), 2);
        assert_eq!(verified(&ring(NEW, &[OLD]), b"other"), 0);
        let seal = old.audit_anchor_seal(TENANT, 2, &macs[1]).unwrap();
        let is_anchor = |ring: &MasterKey, sequence| {
            ring.audit_check().is_anchor(TENANT, sequence, &macs[1], &seal).unwrap()
        };
        assert!(is_anchor(&ring(NEW, &[OLD]), 2) && !is_anchor(&new, 2));
        assert!(!is_anchor(&ring(NEW, &[OLD]), 3));
    }

    // S24
    #[test]
    fn derived_secrets_do_not_depend_on_master_key() {
        let (old, turned) = (ring(OLD, &[NEW]), ring(NEW, &[OLD]));
        let sealed = old.seal(Purpose::DataKey, TENANT, &[7; 32], &NativeRandom).unwrap();
        let keys = DataKeys::open(&old, TENANT, &sealed).unwrap();
        // Another data key, sealed with another master key.
        let sealed = keys.with_new(&turned, TENANT, &NativeRandom).unwrap();
        let later = DataKeys::open(&ring(NEW, &[]), TENANT, &sealed).unwrap();
        assert_eq!(later.newest(), 2);
        assert_eq!(
            keys.first_setup_secret("a@b.example").unwrap(),
            later.first_setup_secret("a@b.example").unwrap()
        );
        assert_ne!(
            keys.first_setup_secret("a@b.example").unwrap(),
            keys.first_setup_secret("c@b.example").unwrap()
        );
        let next = |keys: &DataKeys, session| {
            keys.next_refresh_secret(Uuid::from_u128(session), &[1; 32]).unwrap()
        };
        assert_eq!(next(&keys, 2), next(&later, 2));
        assert_ne!(next(&keys, 2), next(&keys, 3));
    }
}
