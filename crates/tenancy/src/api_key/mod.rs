//! API keys: `ldx_<environment>_<secret>_<checksum>`.
//!
//! The prefix and the checksum let a secret scanner tell a key from chance, and a typo be told
//! without a look-up. A key is shown once; the catalog keeps its SHA-256.

use std::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::platform::Random;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 43 characters of 62 hold 256 bits.
const SECRET: usize = 43;
const CHECKSUM: usize = 6;

/// An API key. It is never printed.
#[derive(Clone)]
pub struct ApiKey {
    text: Zeroizing<String>,
    environment: String,
}

impl ApiKey {
    /// A new key of 256 random bits, for an environment of lower case letters such as `live`.
    pub fn generate(environment: &str, random: &dyn Random) -> Self {
        let secret = base62(&random.bytes::<32>(), SECRET);
        let body = Zeroizing::new(format!("ldx_{environment}_{secret}"));
        let text = Zeroizing::new(format!("{}_{}", *body, checksum(&body)));
        Self { text, environment: environment.to_owned() }
    }

    /// A key from its text; `None` when the form or the checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, given) = text.rsplit_once('_')?;
        let (environment, secret) = body.strip_prefix("ldx_")?.split_once('_')?;
        let well_formed = (2..=12).contains(&environment.len())
            && environment.bytes().all(|byte| byte.is_ascii_lowercase())
            && secret.len() == SECRET
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (well_formed && given == checksum(body)).then(|| Self {
            text: Zeroizing::new(text.to_owned()),
            environment: environment.to_owned(),
        })
    }

    /// The key itself, to be shown once.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The environment it is for.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// What the catalog keeps in its place.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// The first characters, by which its owner knows it again: `ldx_live_` and four more.
    pub fn prefix(&self) -> &str {
        &self.text[.."ldx__".len() + self.environment.len() + 4]
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}...", self.prefix())
    }
}

fn checksum(body: &str) -> String {
    base62(&Sha256::digest(body.as_bytes())[..8], CHECKSUM)
}

/// The last `length` digits of a number in base 62, the most significant byte first.
fn base62(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut digits: Vec<char> = (0..length)
        .map(|_| {
            let mut remainder = 0_u32;
            for byte in &mut number {
                let value = remainder << 8 | u32::from(*byte);
                // Below 256, since the remainder before it was below 62.
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                remainder = value % 62;
            }
            char::from(ALPHABET[remainder as usize])
        })
        .collect();
    digits.reverse();
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native::NativeRandom;

    // S15
    #[test]
    fn a_key_is_read_back_and_a_typo_is_told() {
        let key = ApiKey::generate("live", &NativeRandom);
        let text = key.expose();
        assert_eq!(text.len(), "ldx_live_".len() + SECRET + 1 + CHECKSUM);
        assert!(text.starts_with("ldx_live_"));
        assert_eq!(ApiKey::parse(text).unwrap().hash(), key.hash());
        for index in 0..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[index] = if typo[index] == b'x' { b'y' } else { b'x' };
            let typo = String::from_utf8(typo).unwrap();
            assert!(ApiKey::parse(&typo).is_none(), "{index}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "ldx_live_", "ldx_live_a_b", "Bearer x", "ldx__x_y", "é_é_é_é"] {
            assert!(ApiKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn debugging_shows_the_prefix_alone() {
        let key = ApiKey::generate("live", &NativeRandom);
        let printed = format!("{key:?}");
        assert_eq!(printed, format!("{}...", &key.expose()[..13]));
    }
}
