//! Recovery codes: each replaces a second factor once.

use platform::Random;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// The characters of a code: Crockford's base32 without letters that look like digits.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The number of characters: 80 random bits, so no salt and no slow hash is needed.
const LENGTH: usize = 16;

/// A recovery code. It is shown once; its hash is stored.
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// Generates a code.
    pub fn generate(random: &dyn Random) -> Self {
        let bytes = Zeroizing::new(random.bytes::<LENGTH>());
        // 256 is a multiple of 32, so each character is equally likely.
        let char = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(Zeroizing::new(bytes.iter().map(char).collect()))
    }

    /// Parses a code in any case, with or without hyphens. Returns `None` if its form is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 2 * LENGTH {
            return None;
        }
        let code: Zeroizing<String> = Zeroizing::new(
            text.chars()
                .filter(|char| *char != '-')
                .map(|char| match char.to_ascii_lowercase() {
                    'o' => '0',
                    'i' | 'l' => '1',
                    other => other,
                })
                .collect(),
        );
        let is_code = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
        is_code.then_some(Self(code))
    }

    /// Returns the text, to be shown once: four groups of four characters.
    pub fn expose(&self) -> String {
        let groups: Vec<&str> = (0..LENGTH).step_by(4).map(|at| &self.0[at..at + 4]).collect();
        groups.join("-")
    }

    /// Returns the SHA-256 hash that is stored instead of the code.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    #[test]
    fn code_is_read_as_people_type_it() {
        let code = RecoveryCode::generate(&NativeRandom);
        let shown = code.expose();
        assert_eq!(shown.len(), 19);
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', "")] {
            assert_eq!(RecoveryCode::parse(&typed).map(|read| read.hash()), Some(code.hash()));
        }
        let read = |text| RecoveryCode::parse(text).map(|code| code.expose());
        assert_eq!(read("oil0-0000-0000-0000").as_deref(), Some("0110-0000-0000-0000"));
        for wrong in ["", "0000-0000-0000", "0000-0000-0000-000u", "0000-0000-0000-00000", "é"] {
            assert!(RecoveryCode::parse(wrong).is_none(), "{wrong}");
        }
        assert!(RecoveryCode::parse(&"0".repeat(1_000)).is_none());
    }
}
