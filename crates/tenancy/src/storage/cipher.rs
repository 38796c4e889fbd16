//! Seals the chunks of files with AES-256-GCM and a random 96-bit nonce. Each file has its own key (HKDF-SHA-256 of the
//! tenant's data key and the file's id).
//!
//! The associated data are the tenant, the file, the index of the chunk and whether it is the last one. So no chunk can
//! be moved, dropped from the end, or put into another file. A file has far fewer than 2^32 chunks.

use aes_gcm::Aes256Gcm;
use platform::Random;
use uuid::Uuid;

use crate::{
    crypto::{DataKeys, aead},
    error::{Error, Result},
};

/// The number of bytes of a chunk before it is sealed. The last chunk of a file may be shorter.
pub const CHUNK: usize = 256 * 1024;

/// Seals and unseals the chunks of one file.
pub(super) struct FileCipher {
    key: Aes256Gcm,
    tenant: Uuid,
    file: Uuid,
}

impl FileCipher {
    /// Returns the cipher of a file that is sealed with the tenant's data key of this number.
    pub(super) fn new(keys: &DataKeys, number: u32, tenant: Uuid, file: Uuid) -> Result<Self> {
        let key = aead::derived_cipher(keys.get(number)?, &format!("tenancy/v1/file/{file}"))?;
        Ok(Self { key, tenant, file })
    }

    /// Seals a chunk: returns its nonce, then the ciphertext with the tag.
    pub(super) fn seal(
        &self,
        index: u64,
        is_last: bool,
        plain: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>> {
        aead::seal(&self.key, &[], &self.associated_data(index, is_last), plain, random)
    }

    /// Unseals a chunk.
    ///
    /// # Errors
    /// [`Error::Internal`] if it was changed, or is not the chunk at this index of this file.
    pub(super) fn open(&self, index: u64, is_last: bool, sealed: &[u8]) -> Result<Vec<u8>> {
        aead::open(&self.key, &self.associated_data(index, is_last), sealed).ok_or_else(|| {
            Error::internal(format!("chunk {index} of file {} cannot be unsealed", self.file))
        })
    }

    fn associated_data(&self, index: u64, is_last: bool) -> Vec<u8> {
        let end = if is_last { "last" } else { "more" };
        format!("tenancy/v1/chunk/{}/{}/{index}/{end}", self.tenant, self.file).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aead::Ascending;
    use platform::native::NativeRandom;

    fn cipher(tenant: u128, file: u128) -> FileCipher {
        let keys = DataKeys::from_bytes(&[7; 32]).unwrap();
        FileCipher::new(&keys, 1, Uuid::from_u128(tenant), Uuid::from_u128(file)).unwrap()
    }

    // S23
    #[test]
    fn chunk_unseals_only_in_its_place() {
        let sealed = cipher(1, 2).seal(3, false, b"plain text", &NativeRandom).unwrap();
        assert_eq!(cipher(1, 2).open(3, false, &sealed).unwrap(), b"plain text");
        assert!(cipher(1, 2).open(4, false, &sealed).is_err());
        assert!(cipher(1, 2).open(3, true, &sealed).is_err());
        assert!(cipher(1, 3).open(3, false, &sealed).is_err());
        assert!(cipher(2, 2).open(3, false, &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(cipher(1, 2).open(3, false, &changed).is_err(), "{index}");
            assert!(cipher(1, 2).open(3, false, &sealed[..index]).is_err(), "{index}");
        }
    }

    // The expected bytes come from an independent implementation (pyca/cryptography).
    #[test]
    fn format_is_stable() {
        let sealed = cipher(1, 2).seal(3, false, b"plain text", &Ascending).unwrap();
        let expected = "000102030405060708090a0b\
                        e9dbf63aa7d059acb4871eb295d24dd93c40a4f7f7f19970c521";
        assert_eq!(base16ct::lower::encode_string(&sealed), expected);
    }
}
