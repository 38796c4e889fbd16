//! Base 62 encoding: secrets and checksums of keys as letters and digits only.

use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of a checksum, in characters.
pub(crate) const CHECKSUM: usize = 6;

/// Returns the checksum of a key's text, which detects a typing error without a look-up.
pub(crate) fn checksum(text: &str) -> String {
    encode(&Sha256::digest(text.as_bytes())[..8], CHECKSUM)
}

/// Returns the last `length` base 62 digits of a big-endian number.
pub(crate) fn encode(number: &[u8], length: usize) -> String {
    let mut number = number.to_vec();
    let mut digits: Vec<char> = (0..length)
        .map(|_| {
            let mut remainder = 0_u32;
            for byte in &mut number {
                let value = remainder << 8 | u32::from(*byte);
                // Below 256, because the previous remainder is below 62.
                *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
                remainder = value % 62;
            }
            char::from(ALPHABET[remainder as usize])
        })
        .collect();
    digits.reverse();
    digits.into_iter().collect()
}

/// Returns the number that the digits represent, or `None` for an invalid character or more than 128 bits.
pub(crate) fn decode(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |number, digit| {
        // The positions of the digits in the alphabet.
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'A'..=b'Z' => digit - b'A' + 10,
            b'a'..=b'z' => digit - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(value.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_survives_a_round_trip() {
        for number in [0, 1, 61, 62, u128::MAX] {
            let digits = encode(&number.to_be_bytes(), 22);
            assert_eq!((digits.len(), decode(&digits)), (22, Some(number)));
        }
        for digits in ["_", "é", &"z".repeat(23)] {
            assert_eq!(decode(digits), None, "{digits}");
        }
    }
}
