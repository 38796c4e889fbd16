//! Authenticated encryption: the parts that all sealed formats share.
//!
//! Each format begins with a head of its own, which names the key. A random nonce, the ciphertext and the tag follow. The
//! associated data bind the value to its place. The formats are [`super::sealed`] for values in the catalog and in
//! Redis, [`crate::storage`] for chunks of files, and [`crate::cache`] for cache entries.

use aes_gcm::{
    Aes256Gcm, KeyInit as _,
    aead::{Aead, Nonce, Payload, array::typenum::Unsigned as _},
};
use hkdf::Hkdf;
use platform::Random;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Returns AES-256-GCM with the key that HKDF-SHA-256 derives from a tenant's data key for `use_of_key`.
pub(crate) fn derived_cipher(data_key: &[u8], use_of_key: &str) -> Result<Aes256Gcm> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, data_key)
        .expand(use_of_key.as_bytes(), &mut *key)
        .map_err(Error::internal)?;
    Aes256Gcm::new_from_slice(&*key).map_err(Error::internal)
}

/// Returns `head`, a random nonce, and the ciphertext of `plain` with its tag.
pub(crate) fn seal<A: Aead>(
    cipher: &A,
    head: &[u8],
    associated_data: &[u8],
    plain: &[u8],
    random: &dyn Random,
) -> Result<Vec<u8>> {
    let mut nonce = Nonce::<A>::default();
    random.fill(&mut nonce);
    let ciphertext = cipher
        .encrypt(&nonce, Payload { msg: plain, aad: associated_data })
        .map_err(|_| Error::internal("a value is too long to be sealed"))?;
    Ok([head, &nonce, &ciphertext].concat())
}

/// Unseals a nonce and the ciphertext after it. Returns `None` if it was changed, or sealed with another key or other
/// associated data.
pub(crate) fn open<A: Aead>(cipher: &A, associated_data: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(A::NonceSize::USIZE)?;
    let nonce = Nonce::<A>::try_from(nonce).ok()?;
    cipher.decrypt(&nonce, Payload { msg: ciphertext, aad: associated_data }).ok()
}

/// Random values for tests with fixed results: 0, 1, 2 and so on.
#[cfg(test)]
pub(crate) struct Ascending;

#[cfg(test)]
impl Random for Ascending {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, value) in bytes.iter_mut().zip(0..) {
            *byte = value;
        }
    }
}
