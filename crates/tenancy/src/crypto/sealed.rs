//! Sealed values: AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D).
//!
//! Layout: format (1 byte), key id (4), nonce (12), ciphertext and tag. The tenant and the purpose
//! are associated data: a value moved to another row or column does not open. The id names the key
//! that opens, and no other is tried. A tenant's snapshot is
//! sealed about once a minute while it is in use, the rest once: far below the 2^32 values of a key
//! that random nonces allow.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    error::{Error, Result},
    platform::Random,
};

/// How a sealed value names its key.
pub(super) type KeyId = [u8; 4];

/// The first bytes of a sealed value, which name the format and the key.
pub const HEAD: usize = 1 + 4;

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const HEADER: usize = HEAD + NONCE;

/// A sealed value. Its bytes are safe to store and to log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(#[serde(with = "base64_bytes")] pub Vec<u8>);

/// What a value is sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The password of a tenant's database role.
    DatabasePassword,
    /// The key that seals a tenant's data.
    DataKey,
    /// The answer that an idempotency key gives again.
    IdempotentAnswer,
    /// What Redis keeps of a tenant.
    TenantSnapshot,
    /// What Redis keeps of an API key.
    ApiKeySnapshot,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::DatabasePassword => "database password",
            Self::DataKey => "data key",
            Self::IdempotentAnswer => "idempotent answer",
            Self::TenantSnapshot => "tenant snapshot",
            Self::ApiKeySnapshot => "api key snapshot",
        }
    }
}

/// What a value begins with that the key of this id has sealed.
pub(super) fn head(key_id: KeyId) -> [u8; HEAD] {
    let [a, b, c, d] = key_id;
    [FORMAT, a, b, c, d]
}

/// The key that has sealed the value that begins with these bytes; `None` for an unknown format.
pub(super) fn key_id(bytes: &[u8]) -> Option<KeyId> {
    match bytes {
        &[FORMAT, a, b, c, d, ..] => Some([a, b, c, d]),
        _ => None,
    }
}

pub(super) fn seal(
    key: &Aes256Gcm,
    key_id: KeyId,
    purpose: Purpose,
    tenant: Uuid,
    plain: &[u8],
    random: &dyn Random,
) -> Result<Sealed> {
    let nonce = random.bytes::<NONCE>();
    let aad = associated_data(purpose, tenant);
    let ciphertext = key
        .encrypt(&nonce.into(), Payload { msg: plain, aad: &aad })
        .map_err(|_| Error::internal("a value is too long to be sealed"))?;
    let mut bytes = Vec::with_capacity(HEADER + ciphertext.len());
    bytes.extend_from_slice(&head(key_id));
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&ciphertext);
    Ok(Sealed(bytes))
}

pub(super) fn open<'a>(
    key: impl FnOnce(KeyId) -> Option<&'a Aes256Gcm>,
    purpose: Purpose,
    tenant: Uuid,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>> {
    let fail = |why: &str| Error::internal(format!("the {} of {tenant}: {why}", purpose.name()));
    let (header, ciphertext) =
        sealed.0.split_at_checked(HEADER).ok_or_else(|| fail("is cut short"))?;
    let key_id = key_id(header).ok_or_else(|| fail("is of an unknown format"))?;
    let key = key(key_id).ok_or_else(|| {
        fail(
            "was sealed with a key that is neither MASTER_ENCRYPTION_KEY nor one of \
             MASTER_DECRYPTION_KEYS",
        )
    })?;
    let nonce: [u8; NONCE] = header[HEAD..].try_into().map_err(|_| fail("is cut short"))?;
    let aad = associated_data(purpose, tenant);
    key.decrypt(&nonce.into(), Payload { msg: ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| fail("does not open: it was changed or belongs elsewhere"))
}

fn associated_data(purpose: Purpose, tenant: Uuid) -> Vec<u8> {
    format!("tenancy/v1/{}/{tenant}", purpose.name()).into_bytes()
}

mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::MasterKey, platform::native::NativeRandom, settings::Secret};

    fn master_key(text: &str) -> MasterKey {
        MasterKey::derive(&Secret::from(text.to_owned()), &[]).unwrap()
    }

    const TENANT: Uuid = Uuid::from_u128(1);

    // S23
    #[test]
    fn a_value_opens_for_its_tenant_and_purpose_alone() {
        let key = master_key("a master key of thirty-two bytes");
        let sealed = key.seal(Purpose::DataKey, TENANT, b"plain", &NativeRandom).unwrap();
        assert_eq!(*key.open(Purpose::DataKey, TENANT, &sealed).unwrap(), b"plain");
        assert!(key.open(Purpose::DatabasePassword, TENANT, &sealed).is_err());
        assert!(key.open(Purpose::DataKey, Uuid::from_u128(2), &sealed).is_err());
        let other = master_key("another master key of as many...");
        assert!(other.open(Purpose::DataKey, TENANT, &sealed).is_err());
    }

    // S23
    #[test]
    fn a_value_that_was_changed_does_not_open() {
        let key = master_key("a master key of thirty-two bytes");
        let sealed = key.seal(Purpose::DataKey, TENANT, b"plain", &NativeRandom).unwrap();
        for index in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[index] ^= 1;
            assert!(key.open(Purpose::DataKey, TENANT, &changed).is_err(), "{index}");
        }
        for length in 0..sealed.0.len() {
            let cut = Sealed(sealed.0[..length].to_vec());
            assert!(key.open(Purpose::DataKey, TENANT, &cut).is_err(), "{length}");
        }
    }

    // S23
    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let key = master_key("a master key of thirty-two bytes");
        let seal = || key.seal(Purpose::DataKey, TENANT, b"plain", &NativeRandom).unwrap();
        assert_ne!(seal(), seal());
        assert!(!seal().0.windows(5).any(|window| window == b"plain"));
    }
}
