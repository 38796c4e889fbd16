//! The master key, and others that open beside it.
//!
//! What is made is made with the current key. What was made with another one of the ring still
//! counts, so that instances whose current key differs work side by side.

use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    AuditCheck, Fingerprints,
    derived::DerivedKeys,
    sealed::{self, HEAD, KeyId, Purpose, Sealed},
};
use crate::{
    error::{Error, Result},
    platform::Random,
    settings::Secret,
};

/// The operator's master keys: the current one, and others that open.
pub struct MasterKey {
    current: DerivedKeys,
    others: Vec<DerivedKeys>,
}

/// Which key has sealed a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealer {
    /// The current one.
    Current,
    /// Another one that opens.
    Other,
    /// None that there is here.
    Unknown,
}

impl MasterKey {
    /// The ring of these keys.
    ///
    /// # Errors
    /// When two of them have the same id, as one that is there twice: a sealed value must name one.
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

    /// The current key, then the others.
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

    /// Opens what was sealed for this tenant and purpose, with the key that it names.
    ///
    /// # Errors
    /// When it was sealed with a key that is not in the ring, for another tenant or purpose, or was
    /// changed.
    pub fn open(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        sealed::open(|id| self.key(id), purpose, tenant, &[], sealed)
    }

    /// Opens what was sealed for this tenant, purpose and address, with the key that it names.
    ///
    /// # Errors
    /// As [`MasterKey::open`], and when it was sealed for another address.
    pub fn open_for_address(
        &self,
        purpose: Purpose,
        tenant: Uuid,
        address: &[&str],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>> {
        sealed::open(|id| self.key(id), purpose, tenant, address, sealed)
    }

    /// The first bytes of the values for this purpose that the current key has sealed.
    pub fn current_head(&self, purpose: Purpose) -> [u8; HEAD] {
        sealed::head_for(purpose, self.current.id)
    }

    /// Which key has sealed the value that lasts and begins with these bytes.
    pub fn sealer(&self, head: &[u8]) -> Sealer {
        match sealed::lasting_key_id(head) {
            Some(id) if id == self.current.id => Sealer::Current,
            Some(id) if self.key(id).is_some() => Sealer::Other,
            _ => Sealer::Unknown,
        }
    }

    /// The fingerprints of a request.
    pub fn fingerprints(&self, request: &[u8]) -> Result<Fingerprints> {
        let others = self.others.iter().map(|key| key.request_hash(request));
        Ok(Fingerprints {
            current: self.current.request_hash(request)?,
            others: others.collect::<Result<_>>()?,
        })
    }

    /// What shows that this service has issued a refresh token.
    pub(crate) fn refresh_check(
        &self,
        tenant: Uuid,
        session: Uuid,
        secret: &[u8; 32],
    ) -> Result<[u8; 16]> {
        self.current.refresh_check(tenant, session, secret)
    }

    /// Whether a refresh token has the check of one of the keys.
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

    /// What stands for whoever is guessed at or guesses, where attempts are counted: who reads the
    /// counters learns no e-mail address from them.
    ///
    /// It is by the current key alone: while instances differ in it, each counts by itself.
    pub(crate) fn guessing_subject(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.guessing_subject(parts)
    }

    /// What shows that this service has made the anchor of an audit trail.
    pub(crate) fn audit_anchor_seal(
        &self,
        chain: Uuid,
        sequence: i64,
        link: &[u8],
    ) -> Result<[u8; 32]> {
        self.current.audit_anchor_seal(chain, sequence, link)
    }

    /// Returns the proof that this service has written an event that waits in an outbox.
    pub(crate) fn waiting_event_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.waiting_event_seal(parts)
    }

    /// Returns the proof that this service has verified an audit trail up to a link.
    pub(crate) fn voucher_seal(&self, parts: &[&[u8]]) -> Result<[u8; 32]> {
        self.current.voucher_seal(parts)
    }

    /// The link of an audit trail after `previous`, for a row of this content.
    pub(crate) fn audit_mac(&self, previous: &[u8], row: &[u8]) -> Result<[u8; 32]> {
        self.current.audit_mac(previous, row)
    }

    /// What tells whether MACs of a trail were made with one of the keys.
    pub(crate) fn audit_check(&self) -> AuditCheck<'_> {
        AuditCheck::new(self.keys().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::DataKeys, platform::native::NativeRandom};

    const OLD: &str = "a master key of thirty-two bytes";
    const NEW: &str = "another master key of as many...";
    const TENANT: Uuid = Uuid::from_u128(1);

    fn ring(current: &str, others: &[&str]) -> MasterKey {
        let others: Vec<_> = others.iter().map(|text| Secret::from((*text).to_owned())).collect();
        MasterKey::derive(&Secret::from(current.to_owned()), &others).unwrap()
    }

    // S24
    #[test]
    fn a_value_is_sealed_with_the_current_key_and_opens_with_the_one_it_names() {
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
        // The key that a value names is the only one that is tried.
        let mut renamed = sealed;
        renamed.0[..HEAD].copy_from_slice(&new.current_head(Purpose::DataKey));
        assert!(!opens(&turned, &renamed));
    }

    // S24
    #[test]
    fn a_key_is_in_a_ring_once() {
        for others in [&[OLD][..], &[NEW, NEW], &[NEW, OLD]] {
            let others: Vec<_> = others.iter().map(|key| Secret::from((*key).to_owned())).collect();
            assert!(MasterKey::derive(&Secret::from(OLD.to_owned()), &others).is_err());
        }
    }

    // S24
    #[test]
    fn a_request_is_known_again_by_each_key() {
        let kept = ring(OLD, &[]).fingerprints(b"request").unwrap().current();
        for (ring, expected) in
            [(ring(OLD, &[NEW]), true), (ring(NEW, &[OLD]), true), (ring(NEW, &[]), false)]
        {
            let own = ring.fingerprints(b"request").unwrap();
            assert_eq!(own.contain(&kept), expected);
            assert_eq!(own.to_texts().contains(&crate::hex::encode(&kept)), expected);
            assert!(!ring.fingerprints(b"another").unwrap().contain(&kept));
        }
    }

    // S24
    #[test]
    fn a_trail_is_checked_with_each_key() {
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
    fn what_instances_have_in_common_outlives_the_master_key() {
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
