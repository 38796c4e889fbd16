//! Sealed values.
//!
//! Persistent values are sealed once with AES-256-GCM and a random 96-bit nonce (NIST SP 800-38D). Their number is far
//! below the 2^32 values per key that random nonces allow. Snapshots are sealed after each read from PostgreSQL and
//! unsealed by each instance. XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) has 192-bit nonces, and without AES
//! instructions, as in wasm, it takes half the time.
//!
//! Layout: format (1 byte), key id (4), nonce (12 or 24), ciphertext and tag. The tenant and the purpose are associated
//! data: a value that was moved to another row or column cannot be unsealed. For a bound value, the address is
//! associated data as well: a database password can be unsealed only for the address for which it was sealed. The key
//! id identifies the key, and no other key is tried.

use platform::Random;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{aead, derived::DerivedKeys};
use crate::{
    crypto::derived::KeyId,
    error::{Error, Result},
};

/// The length of the first bytes of a sealed value, which identify the format and the key.
pub const HEAD: usize = 1 + 4;

/// AES-256-GCM.
const LASTING: u8 = 1;
/// XChaCha20-Poly1305.
const SNAPSHOT: u8 = 2;
/// AES-256-GCM, bound to an address.
const BOUND: u8 = 3;

/// A sealed value. Its bytes are safe to store and to log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl Sealed {
    /// Returns whether the value is bound to an address.
    pub fn is_bound(&self) -> bool {
        key_id(BOUND, &self.0).is_some()
    }
}

/// The purpose of a sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The password of a tenant's database role, bound to the address of the database.
    DatabasePassword,
    /// The password of a tenant's database role, sealed by an earlier version and bound only to the tenant.
    UnboundDatabasePassword,
    /// The key that seals a tenant's data.
    DataKey,
    /// A stored response to an idempotency key.
    IdempotentAnswer,
    /// The template of a cluster. The id of the cluster takes the place of that of the tenant.
    ClusterTemplate,
    /// A tenant's record in Redis.
    TenantSnapshot,
    /// An API key's record in Redis.
    ApiKeySnapshot,
}

impl Purpose {
    fn format(self) -> u8 {
        match self {
            Self::DatabasePassword => BOUND,
            Self::UnboundDatabasePassword
            | Self::DataKey
            | Self::IdempotentAnswer
            | Self::ClusterTemplate => LASTING,
            Self::TenantSnapshot | Self::ApiKeySnapshot => SNAPSHOT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::DatabasePassword | Self::UnboundDatabasePassword => "database password",
            Self::DataKey => "data key",
            Self::IdempotentAnswer => "idempotent answer",
            Self::ClusterTemplate => "cluster template",
            Self::TenantSnapshot => "tenant snapshot",
            Self::ApiKeySnapshot => "api key snapshot",
        }
    }
}

/// Returns the first bytes of the values that the key with this id seals for this purpose.
pub(super) fn head_for(purpose: Purpose, key_id: KeyId) -> [u8; HEAD] {
    head(purpose.format(), key_id)
}

fn head(format: u8, [a, b, c, d]: KeyId) -> [u8; HEAD] {
    [format, a, b, c, d]
}

/// Returns the id of the key that has sealed a persistent value with these first bytes, or `None` for another format.
pub(super) fn lasting_key_id(bytes: &[u8]) -> Option<KeyId> {
    key_id(LASTING, bytes).or_else(|| key_id(BOUND, bytes))
}

fn key_id(format: u8, bytes: &[u8]) -> Option<KeyId> {
    match bytes {
        &[own, a, b, c, d, ..] if own == format => Some([a, b, c, d]),
        _ => None,
    }
}

pub(super) fn seal(
    key: &DerivedKeys,
    purpose: Purpose,
    tenant: Uuid,
    address: &[&str],
    plain: &[u8],
    random: &dyn Random,
) -> Result<Sealed> {
    let head = head(purpose.format(), key.id);
    let aad = associated_data(purpose, tenant, address);
    let sealed = if purpose.format() == SNAPSHOT {
        aead::seal(&key.snapshots, &head, &aad, plain, random)
    } else {
        aead::seal(&key.sealing, &head, &aad, plain, random)
    };
    sealed.map(Sealed)
}

pub(super) fn open<'a>(
    key: impl FnOnce(KeyId) -> Option<&'a DerivedKeys>,
    purpose: Purpose,
    tenant: Uuid,
    address: &[&str],
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>> {
    let fail = |why: &str| Error::internal(format!("the {} of {tenant} {why}", purpose.name()));
    let (head, rest) = sealed.0.split_at_checked(HEAD).ok_or_else(|| fail("is truncated"))?;
    let key_id = key_id(purpose.format(), head).ok_or_else(|| fail("has an unknown format"))?;
    let key = key(key_id).ok_or_else(|| {
        fail(
            "was sealed with a key that is neither MASTER_ENCRYPTION_KEY nor one of \
             MASTER_DECRYPTION_KEYS",
        )
    })?;
    let aad = associated_data(purpose, tenant, address);
    let plain = if purpose.format() == SNAPSHOT {
        aead::open(&key.snapshots, &aad, rest)
    } else {
        aead::open(&key.sealing, &aad, rest)
    };
    plain
        .map(Zeroizing::new)
        .ok_or_else(|| fail("cannot be unsealed: it was modified or belongs to another record"))
}

/// Returns the associated data. The parts of an address have any length, so each part is preceded by its length.
fn associated_data(purpose: Purpose, tenant: Uuid, address: &[&str]) -> Vec<u8> {
    let mut buffer = Uuid::encode_buffer();
    let tenant = tenant.hyphenated().encode_lower(&mut buffer);
    let mut data = ["tenancy/v1/", purpose.name(), "/", tenant].concat().into_bytes();
    for part in address {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part.as_bytes());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{MasterKey, aead::Ascending},
        secret::Secret,
    };
    use platform::native::NativeRandom;

    fn master_key(text: &str) -> MasterKey {
        MasterKey::derive(&Secret::from(text.to_owned()), &[]).unwrap()
    }

    const TENANT: Uuid = Uuid::from_u128(1);
    const PURPOSES: [Purpose; 6] = [
        Purpose::DatabasePassword,
        Purpose::DataKey,
        Purpose::IdempotentAnswer,
        Purpose::ClusterTemplate,
        Purpose::TenantSnapshot,
        Purpose::ApiKeySnapshot,
    ];

    // S23
    #[test]
    fn value_unseals_for_its_tenant_and_purpose_only() {
        let key = master_key("a master key of thirty-two bytes");
        let other = master_key("another master key of as many...");
        for purpose in PURPOSES {
            let sealed = key.seal(purpose, TENANT, b"plain", &NativeRandom).unwrap();
            assert_eq!(*key.open(purpose, TENANT, &sealed).unwrap(), b"plain");
            for another in PURPOSES.into_iter().filter(|another| *another != purpose) {
                assert!(key.open(another, TENANT, &sealed).is_err(), "{purpose:?}, {another:?}");
            }
            assert!(key.open(purpose, Uuid::from_u128(2), &sealed).is_err());
            assert!(other.open(purpose, TENANT, &sealed).is_err());
        }
    }

    // S23
    #[test]
    fn modified_value_does_not_unseal() {
        let key = master_key("a master key of thirty-two bytes");
        for purpose in PURPOSES {
            let sealed = key.seal(purpose, TENANT, b"plain", &NativeRandom).unwrap();
            for index in 0..sealed.0.len() {
                let mut changed = sealed.clone();
                changed.0[index] ^= 1;
                assert!(key.open(purpose, TENANT, &changed).is_err(), "{purpose:?}, {index}");
            }
            for length in 0..sealed.0.len() {
                let cut = Sealed(sealed.0[..length].to_vec());
                assert!(key.open(purpose, TENANT, &cut).is_err(), "{purpose:?}, {length}");
            }
        }
    }

    // S23
    #[test]
    fn same_value_is_sealed_differently_each_time() {
        let key = master_key("a master key of thirty-two bytes");
        for purpose in PURPOSES {
            let seal = || key.seal(purpose, TENANT, b"plain", &NativeRandom).unwrap();
            assert_ne!(seal(), seal());
            assert!(!seal().0.windows(5).any(|window| window == b"plain"));
        }
    }

    // The expected bytes come from an independent implementation (pyca/cryptography).
    #[test]
    fn format_is_stable() {
        let key = master_key("a master key of thirty-two bytes");
        for (purpose, expected) in [
            (
                Purpose::DataKey,
                "0182b1918c000102030405060708090a0b\
                 e36328fab46df26d788f921f44447c620ae35ec8a0",
            ),
            (
                Purpose::DatabasePassword,
                "0382b1918c000102030405060708090a0b\
                 e36328fab479b52282af3dbf2d86a37cdc97532662",
            ),
            (
                Purpose::TenantSnapshot,
                "0282b1918c000102030405060708090a0b0c0d0e0f1011121314151617\
                 49ed8671acc5a8d9492bd562a4832be3cb47d92f40",
            ),
        ] {
            let sealed = key.seal(purpose, TENANT, b"plain", &Ascending).unwrap();
            assert_eq!(base16ct::lower::encode_string(&sealed.0), expected, "{purpose:?}");
            assert_eq!(*key.open(purpose, TENANT, &sealed).unwrap(), b"plain");
        }
    }
}
