//! PHC strings: `$pbkdf2-sha256$i=600000,l=32$salt$hash`, in base64 without padding.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The length of a new salt, in bytes.
pub(super) const SALT: usize = 16;

/// A hash with the parameters to compute it again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PasswordHash {
    pub(super) rounds: u32,
    pub(super) salt: Vec<u8>,
    pub(super) hash: [u8; 32],
}

impl PasswordHash {
    /// Parses a PHC string. Returns `None` if it has another algorithm or form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let phc = phc::PasswordHash::new(text).ok()?;
        let is_supported = phc.algorithm.as_str() == "pbkdf2-sha256" && phc.version.is_none();
        let hash = phc.hash.filter(|_| is_supported && phc.params.get_decimal("l") == Some(32))?;
        Some(Self {
            rounds: phc.params.get_decimal("i")?,
            salt: phc.salt?.to_vec(),
            hash: hash.as_bytes().try_into().ok()?,
        })
    }
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "$pbkdf2-sha256$i={},l=32${}${}",
            self.rounds,
            STANDARD_NO_PAD.encode(&self.salt),
            STANDARD_NO_PAD.encode(self.hash),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_survives_a_round_trip() {
        let hash = PasswordHash { rounds: 600_000, salt: vec![7; SALT], hash: [9; 32] };
        assert_eq!(PasswordHash::parse(&hash.to_string()), Some(hash));
    }

    #[test]
    fn invalid_hash_is_none() {
        for text in ["", "$argon2id$v=19$x$y", "$pbkdf2-sha256$i=1$AAAA$AAAA", "plain"] {
            assert_eq!(PasswordHash::parse(text), None, "{text}");
        }
    }
}
