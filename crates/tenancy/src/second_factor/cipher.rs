//! Seals the secrets of second factors with AES-256-GCM, with a key that is derived from the tenant's data key. The
//! associated data are the user and the factor, so a secret that was moved to another row cannot be unsealed. Copies of
//! a tenant have another id and the same data keys, so the id of the tenant is not part of them.

use platform::Random;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    crypto::{DataKeys, aead},
    error::{Error, Result},
};

/// The derived key of a data key, for [`aead::derived_cipher`].
const USE_OF_KEY: &str = "tenancy/v1/second factors";

/// Seals and unseals the secrets of a tenant's second factors.
pub(crate) struct SecretCipher {
    keys: DataKeys,
}

impl SecretCipher {
    pub(crate) fn new(keys: DataKeys) -> Self {
        Self { keys }
    }

    /// Returns the number of the data key (4 bytes), the nonce, and the ciphertext.
    pub(crate) fn seal(
        &self,
        user: Uuid,
        factor: Uuid,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>> {
        let number = self.keys.newest();
        let cipher = aead::derived_cipher(self.keys.get(number)?, USE_OF_KEY)?;
        aead::seal(&cipher, &number.to_be_bytes(), &associated_data(user, factor), secret, random)
    }

    /// Unseals a secret.
    ///
    /// # Errors
    /// [`Error::Internal`] if the service did not write it to this row.
    pub(crate) fn open(
        &self,
        user: Uuid,
        factor: Uuid,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let fail = || Error::internal(format!("the secret of the factor {factor} is damaged"));
        let (number, rest) = sealed.split_first_chunk().ok_or_else(fail)?;
        let data_key = self.keys.get(u32::from_be_bytes(*number))?;
        let cipher = aead::derived_cipher(data_key, USE_OF_KEY)?;
        let plain = aead::open(&cipher, &associated_data(user, factor), rest).ok_or_else(fail)?;
        Ok(Zeroizing::new(plain))
    }
}

fn associated_data(user: Uuid, factor: Uuid) -> Vec<u8> {
    format!("tenancy/v1/second factor/{user}/{factor}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    // S46
    #[test]
    fn secret_unseals_only_in_its_row() {
        let cipher = |keys: &[u8]| SecretCipher::new(DataKeys::from_bytes(keys).unwrap());
        let (user, factor) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = cipher(&[7; 32]).seal(user, factor, b"secret", &NativeRandom).unwrap();
        assert_eq!(*cipher(&[7; 32]).open(user, factor, &sealed).unwrap(), b"secret");
        // A newer data key does not end the factor.
        let rotated = [[7; 32], [8; 32]].concat();
        assert_eq!(*cipher(&rotated).open(user, factor, &sealed).unwrap(), b"secret");
        assert!(cipher(&[9; 32]).open(user, factor, &sealed).is_err());
        assert!(cipher(&[7; 32]).open(factor, user, &sealed).is_err());
        assert!(cipher(&[7; 32]).open(user, user, &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(cipher(&[7; 32]).open(user, factor, &sealed[..length]).is_err());
        }
    }
}
