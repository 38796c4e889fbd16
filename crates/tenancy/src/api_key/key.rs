//! The format of an API key: `ldx_<environment>_<secret>_<checksum>`.
//!
//! The prefix and the checksum let a secret scanner recognise a key, and let a typo be detected without a look-up. The
//! secret ends in the id of its tenant, so that the key can be looked up among the tenant's other data. A key is shown
//! once; the catalog stores its SHA-256 hash.

use std::fmt;

use platform::Random;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Environment;
use crate::{
    base62::{self, checksum},
    input::Text as _,
};

/// 43 base62 characters hold 256 bits, and 22 hold the 128 bits of a UUID.
const CHANCE: usize = 43;
const TENANT: usize = 22;
const PREFIX: &str = "ldx_";

/// An API key. It is never printed.
#[derive(Clone)]
pub struct ApiKey {
    text: Zeroizing<String>,
    environment: Environment,
    tenant: Uuid,
}

impl ApiKey {
    /// Generates a key of a tenant from 256 random bits.
    pub fn generate(tenant: Uuid, environment: Environment, random: &dyn Random) -> Self {
        let chance = Zeroizing::new(base62::encode(&random.bytes::<32>(), CHANCE));
        let tenant_text = base62::encode(tenant.as_bytes(), TENANT);
        let body = Zeroizing::new(format!("ldx_{}_{}{tenant_text}", environment.as_str(), *chance));
        let text = Zeroizing::new(format!("{}_{}", *body, checksum(&body)));
        Self { text, environment, tenant }
    }

    /// Parses a key; returns `None` if its form or its checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, given) = text.rsplit_once('_')?;
        let (environment, secret) = body.strip_prefix(PREFIX)?.split_once('_')?;
        let environment = Environment::parse(environment).ok()?;
        let well_formed = secret.len() == CHANCE + TENANT
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !well_formed || given != checksum(body) {
            return None;
        }
        let tenant = Uuid::from_u128(base62::decode(&secret[CHANCE..])?);
        Some(Self { text: Zeroizing::new(text.to_owned()), environment, tenant })
    }

    /// Returns whether a text has the prefix of an API key, valid or not.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Returns the text of the key, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the environment of the key.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the tenant in the key. The key may not exist.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Returns the hash that the catalog stores instead of the key.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// Returns the first characters, which let the owner recognise the key: `ldx_live_` and four more.
    pub fn prefix(&self) -> &str {
        &self.text[..PREFIX.len() + self.environment.as_str().len() + "_".len() + 4]
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}...", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    fn generate() -> ApiKey {
        let live = Environment::parse("live").unwrap();
        ApiKey::generate(Uuid::from_u128(u128::MAX - 7), live, &NativeRandom)
    }

    // S15
    #[test]
    fn key_parses_and_typo_is_rejected() {
        let key = generate();
        let text = key.expose();
        assert_eq!(text.len(), "ldx_live_".len() + CHANCE + TENANT + 1 + base62::CHECKSUM);
        assert!(text.starts_with("ldx_live_"));
        let read = ApiKey::parse(text).unwrap();
        assert_eq!((read.hash(), read.tenant()), (key.hash(), Uuid::from_u128(u128::MAX - 7)));
        for index in 0..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[index] = if typo[index] == b'x' { b'y' } else { b'x' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(ApiKey::parse(&typo).is_none(), "{index}");
        }
    }

    #[test]
    fn malformed_key_is_rejected() {
        for text in ["", "ldx_live_", "ldx_live_a_b", "Bearer x", "ldx__x_y", "é_é_é_é"] {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn debug_output_shows_only_the_prefix() {
        let key = generate();
        let printed = format!("{key:?}");
        assert_eq!(printed, format!("{}...", &key.expose()[..13]));
    }
}
