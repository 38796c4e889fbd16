//! Seals the entries of caches with AES-256-GCM, with a key that is derived from the tenant's data key. The associated
//! data are the tenant and the name of the entry.

use platform::Random;
use uuid::Uuid;

use super::entry::{CacheKey, Entry};
use crate::{
    crypto::{DataKeys, aead},
    error::{Error, Result},
};

/// The derived key of a data key, for [`aead::derived_cipher`].
const USE_OF_KEY: &str = "tenancy/v1/cache";

/// Seals and unseals the entries of a tenant's cache.
pub(super) struct EntryCipher {
    keys: DataKeys,
    tenant: Uuid,
}

impl EntryCipher {
    pub(super) fn new(keys: DataKeys, tenant: Uuid) -> Self {
        Self { keys, tenant }
    }

    fn associated_data(&self, key: &CacheKey) -> Vec<u8> {
        format!("tenancy/v1/cache/{}/{}", self.tenant, key.0).into_bytes()
    }

    /// Returns the number of the data key (4 bytes), the nonce, and the ciphertext. The plaintext is the length of the
    /// type (2 bytes), the type and the value.
    pub(super) fn seal(
        &self,
        key: &CacheKey,
        entry: &Entry,
        random: &dyn Random,
    ) -> Result<Vec<u8>> {
        let length = u16::try_from(entry.content_type.len()).map_err(Error::internal)?;
        let plain =
            [&length.to_be_bytes(), entry.content_type.as_bytes(), entry.value.as_slice()].concat();
        let number = self.keys.newest();
        let cipher = aead::derived_cipher(self.keys.get(number)?, USE_OF_KEY)?;
        aead::seal(&cipher, &number.to_be_bytes(), &self.associated_data(key), &plain, random)
    }

    /// Unseals an entry. Returns `None` if its data key does not exist, or if the service did not write it to this
    /// place.
    pub(super) fn open(&self, key: &CacheKey, sealed: &[u8]) -> Option<Entry> {
        let (number, rest) = sealed.split_first_chunk()?;
        let data_key = self.keys.get(u32::from_be_bytes(*number)).ok()?;
        let cipher = aead::derived_cipher(data_key, USE_OF_KEY).ok()?;
        let plain = aead::open(&cipher, &self.associated_data(key), rest)?;
        let (length, rest) = plain.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (content_type, value) = rest.split_at_checked(length)?;
        let content_type = String::from_utf8(content_type.to_vec()).ok()?;
        Some(Entry { content_type, value: value.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::aead::Ascending;

    fn cipher(tenant: u128, keys: &[u8]) -> EntryCipher {
        EntryCipher::new(DataKeys::from_bytes(keys).unwrap(), Uuid::from_u128(tenant))
    }

    fn example() -> (CacheKey, Entry) {
        let entry = Entry { content_type: "text/plain".to_owned(), value: b"value".to_vec() };
        (CacheKey("name".to_owned()), entry)
    }

    // The expected bytes come from an independent implementation (pyca/cryptography).
    #[test]
    fn format_is_stable() {
        let (key, entry) = example();
        let sealed = cipher(1, &[7; 32]).seal(&key, &entry, &Ascending).unwrap();
        let expected = "00000001000102030405060708090a0b\
                        c2bdfd5c0f4d40d3ed64a1dc67ec0498acde8563d27000edc9741c3e7cbd9cbab9";
        assert_eq!(base16ct::lower::encode_string(&sealed), expected);
    }

    // S23
    #[test]
    fn entry_unseals_only_in_its_place() {
        let (key, entry) = example();
        let sealed = cipher(1, &[7; 32]).seal(&key, &entry, &Ascending).unwrap();
        // A later key does not affect the entries of earlier ones.
        assert_eq!(cipher(1, &[7; 64]).open(&key, &sealed), Some(entry));
        let other = CacheKey("other".to_owned());
        assert_eq!(cipher(1, &[7; 32]).open(&other, &sealed), None);
        assert_eq!(cipher(2, &[7; 32]).open(&key, &sealed), None);
        assert_eq!(cipher(1, &[8; 32]).open(&key, &sealed), None);
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert_eq!(cipher(1, &[7; 32]).open(&key, &changed), None, "{index}");
            assert_eq!(cipher(1, &[7; 32]).open(&key, &sealed[..index]), None, "{index}");
        }
    }
}
