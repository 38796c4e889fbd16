//! PBKDF2-HMAC-SHA-256 for one block of output (RFC 8018, section 5.2), in slices and tuned for wasm.
//!
//! The `pbkdf2` crate computes a hash without interruption, which blocks an event loop with one thread for a quarter of
//! a second. The tests compare both implementations. README.md has the measured gains.

mod sha256;

use std::array;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, block_api::compress256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::sha256::{Compressor, INITIAL, Words};

/// Returns the first 32 bytes of PBKDF2-HMAC-SHA-256 with this number of rounds, at least one.
///
/// Before each slice, `next_slice` yields to other work and returns the number of rounds of the slice. It must not
/// always return 0.
pub async fn derive(
    password: &[u8],
    salt: &[u8],
    rounds: u32,
    mut next_slice: impl AsyncFnMut() -> u32,
) -> [u8; 32] {
    let mut chain = Chain::new(password, salt);
    let mut left = rounds.saturating_sub(1);
    while left > 0 {
        let slice = left.min(next_slice().await);
        chain.advance(slice);
        left -= slice;
    }
    let mut key = [0; 32];
    for (bytes, word) in key.chunks_exact_mut(4).zip(chain.key) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    key
}

/// The chain of HMACs whose links are combined into the key.
struct Chain {
    /// The SHA-256 state after the key block of the inner hash.
    inner: Words,
    /// The SHA-256 state after the key block of the outer hash.
    outer: Words,
    link: Words,
    key: Words,
    compressor: Compressor,
}

impl Chain {
    #[expect(clippy::expect_used, reason = "a key of an HMAC has any length (RFC 2104)")]
    fn new(password: &[u8], salt: &[u8]) -> Self {
        let mut first = Hmac::<Sha256>::new_from_slice(password).expect("any length is valid");
        first.update(salt);
        first.update(&1_u32.to_be_bytes());
        let first: [u8; 32] = first.finalize().into_bytes().into();
        let (words, _) = first.as_chunks();
        let link = array::from_fn(|i| u32::from_be_bytes(words[i]));
        let padded = padded(password);
        Self {
            inner: after(&padded, 0x36),
            outer: after(&padded, 0x5c),
            link,
            key: link,
            compressor: Compressor::default(),
        }
    }

    fn advance(&mut self, rounds: u32) {
        for _ in 0..rounds {
            let inner = self.compressor.compress(&self.inner, &self.link);
            self.link = self.compressor.compress(&self.outer, &inner);
            for (word, of_link) in self.key.iter_mut().zip(self.link) {
                *word ^= of_link;
            }
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        for words in [&mut self.inner, &mut self.outer, &mut self.link, &mut self.key] {
            words.zeroize();
        }
    }
}

/// Returns a password as an HMAC key block.
fn padded(password: &[u8]) -> Zeroizing<[u8; 64]> {
    let mut block = Zeroizing::new([0; 64]);
    match block.get_mut(..password.len()) {
        Some(start) => start.copy_from_slice(password),
        None => block[..32].copy_from_slice(&Sha256::digest(password)),
    }
    block
}

/// Returns the SHA-256 state after a key block that is masked with a byte.
fn after(key: &[u8; 64], mask: u8) -> Words {
    let block = Zeroizing::new(key.map(|byte| byte ^ mask));
    let mut state = INITIAL;
    compress256(&mut state, &[*block]);
    state
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use futures::executor::block_on;

    use super::*;

    fn derived(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
        block_on(derive(password, salt, rounds, async || 1_000))
    }

    // S11
    #[test]
    fn rfc_7914_vectors_match() {
        // Section 11 has 64 bytes of output. The first block is the first 32 bytes.
        for (password, salt, rounds, expected) in [
            ("passwd", "salt", 1, "VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLw="),
            ("Password", "NaCl", 80_000, "TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1Y="),
        ] {
            let derived = derived(password.as_bytes(), salt.as_bytes(), rounds);
            assert_eq!(STANDARD.encode(derived), expected);
        }
    }

    // The inputs are from RFC 6070, whose outputs use SHA-1. These outputs are from OpenSSL.
    #[test]
    fn rfc_6070_inputs_match_openssl() {
        for (password, salt, rounds, expected) in [
            ("password", "salt", 1, "Eg+2z/z4syxD5yJSVsT4N6hlSMkszDVICAWYfLcL4Xs="),
            ("password", "salt", 2, "rk0Mla9rRtMtCt/5KPBt0CowP47zwlHf1uLYWpVHTEM="),
            ("password", "salt", 4_096, "xeR41ZKIyEGqUw22hFxMjZYok6ABzk4RpJY4c6qYE0o="),
            (
                "passwordPASSWORDpassword",
                "saltSALTsaltSALTsaltSALTsaltSALTsalt",
                4_096,
                "NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+E=",
            ),
            ("pass\0word", "sa\0lt", 4_096, "ibadBRb4KYk8aWImZQqGh4wCmsE+4nZQnVrli2RmpyQ="),
        ] {
            let derived = derived(password.as_bytes(), salt.as_bytes(), rounds);
            assert_eq!(STANDARD.encode(derived), expected);
        }
    }

    #[test]
    fn output_matches_the_pbkdf2_crate() {
        for (password, salt, rounds) in
            [("a", "0123456789abcdef", 1), ("pässwörd", "s", 4_097), ("", "", 2)]
        {
            let expected = ::pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(
                password.as_bytes(),
                salt.as_bytes(),
                rounds,
            );
            assert_eq!(derived(password.as_bytes(), salt.as_bytes(), rounds), expected);
        }
    }

    #[test]
    fn output_matches_the_crate_for_every_length() {
        let bytes: Vec<u8> = (0..=u8::MAX).collect();
        for length in 0..=200 {
            // All lengths of one input with many lengths of the other.
            let (password, salt) = (&bytes[..length], &bytes[..length * 83 % 201]);
            let expected = ::pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, 3);
            assert_eq!(derived(password, salt, 3), expected, "{length} bytes");
        }
    }
}
