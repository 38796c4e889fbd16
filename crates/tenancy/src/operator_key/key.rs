//! The text of an operator key: `ldxop_<secret>_<checksum>`.
//!
//! The prefix differs from the prefix of tenants' API keys, so the two kinds cannot be confused. A key is shown once.
//! The catalog stores only its SHA-256 hash.

use std::fmt;

use platform::Random;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::base62::{self, checksum};

/// 43 base 62 digits hold 256 bits.
const SECRET: usize = 43;
const PREFIX: &str = "ldxop_";
/// The number of characters of the secret in the prefix of a key.
const SHOWN: usize = 4;

/// An operator key. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct OperatorKey(Zeroizing<String>);

impl OperatorKey {
    /// Creates a key with 256 random bits.
    pub fn generate(random: &dyn Random) -> Self {
        let secret = Zeroizing::new(base62::encode(&random.bytes::<32>(), SECRET));
        let body = Zeroizing::new(format!("{PREFIX}{}", *secret));
        Self(Zeroizing::new(format!("{}_{}", *body, checksum(&body))))
    }

    /// Parses a key. Returns `None` if the form or the checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, given) = text.rsplit_once('_')?;
        let secret = body.strip_prefix(PREFIX)?;
        let is_well_formed =
            secret.len() == SECRET && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_well_formed && given == checksum(body)).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns whether a text has the prefix of an operator key.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Returns the text of the key, to be shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the hash that the catalog stores.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// Returns the first characters of the key, by which people recognise it.
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX.len() + SHOWN]
    }
}

impl fmt::Debug for OperatorKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}...", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::api_key::{ApiKey, Environment};
    use platform::native::NativeRandom;

    // S15
    #[test]
    fn key_with_typo_is_refused() {
        let key = OperatorKey::generate(&NativeRandom);
        let text = key.expose();
        assert_eq!(text.len(), PREFIX.len() + SECRET + 1 + base62::CHECKSUM);
        assert_eq!(OperatorKey::parse(text).map(|read| read.hash()), Some(key.hash()));
        assert_ne!(key.hash(), OperatorKey::generate(&NativeRandom).hash());
        for index in 0..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[index] = if typo[index] == b'x' { b'y' } else { b'x' };
            assert!(OperatorKey::parse(&String::from_utf8(typo).unwrap()).is_none(), "{index}");
        }
        for other in ["", PREFIX, "ldxop__", "ldxop_a_b", "é_é_é"] {
            assert!(OperatorKey::parse(other).is_none(), "{other}");
        }
    }

    // S16
    #[test]
    fn operator_key_is_never_an_api_key() {
        let own = OperatorKey::generate(&NativeRandom);
        let other = ApiKey::generate(Uuid::from_u128(7), Environment::live(), &NativeRandom);
        assert!(OperatorKey::is_meant(own.expose()) && ApiKey::is_meant(other.expose()));
        assert!(!ApiKey::is_meant(own.expose()) && ApiKey::parse(own.expose()).is_none());
        assert!(!OperatorKey::is_meant(other.expose()));
        assert!(OperatorKey::parse(other.expose()).is_none());
    }

    // S39
    #[test]
    fn debug_output_has_the_prefix_only() {
        let key = OperatorKey::generate(&NativeRandom);
        assert_eq!(format!("{key:?}"), format!("{}...", &key.expose()[..10]));
    }
}
