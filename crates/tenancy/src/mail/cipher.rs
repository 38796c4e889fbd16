//! Seals the variables of a message with AES-256-GCM, with a key that is derived from the tenant's data key: the token
//! of a link is a secret. The associated data are the id of the message and its address, so nobody can send a token to
//! another address by a change of the row. Copies of a tenant have another id and the same data keys, so the id of the
//! tenant is not part of them.

use platform::Random;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    crypto::{DataKeys, aead},
    error::{Error, Result},
};

/// The derived key of a data key, for [`aead::derived_cipher`].
const USE_OF_KEY: &str = "tenancy/v1/mail";

/// Seals and unseals the variables of a tenant's messages.
pub(crate) struct VariablesCipher {
    keys: DataKeys,
}

impl VariablesCipher {
    pub(crate) fn new(keys: DataKeys) -> Self {
        Self { keys }
    }

    /// Returns the number of the data key (4 bytes), the nonce, and the ciphertext.
    pub(crate) fn seal(
        &self,
        message: Uuid,
        address: &str,
        variables: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>> {
        let number = self.keys.newest();
        let cipher = aead::derived_cipher(self.keys.get(number)?, USE_OF_KEY)?;
        let associated = associated_data(message, address);
        aead::seal(&cipher, &number.to_be_bytes(), &associated, variables, random)
    }

    /// Unseals variables.
    ///
    /// # Errors
    /// [`Error::Internal`] if the service did not write them to this row.
    pub(crate) fn open(
        &self,
        message: Uuid,
        address: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let fail =
            || Error::internal(format!("the variables of the message {message} are damaged"));
        let (number, rest) = sealed.split_first_chunk().ok_or_else(fail)?;
        let data_key = self.keys.get(u32::from_be_bytes(*number))?;
        let cipher = aead::derived_cipher(data_key, USE_OF_KEY)?;
        let associated = associated_data(message, address);
        let plain = aead::open(&cipher, &associated, rest).ok_or_else(fail)?;
        Ok(Zeroizing::new(plain))
    }
}

fn associated_data(message: Uuid, address: &str) -> Vec<u8> {
    format!("tenancy/v1/mail/{message}/{address}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    // S49
    #[test]
    fn variables_unseal_only_for_their_message_and_address() {
        let cipher = |keys: &[u8]| VariablesCipher::new(DataKeys::from_bytes(keys).unwrap());
        let (id, address) = (Uuid::from_u128(1), "ada@example.com");
        let sealed = cipher(&[7; 32]).seal(id, address, b"token", &NativeRandom).unwrap();
        assert_eq!(*cipher(&[7; 32]).open(id, address, &sealed).unwrap(), b"token");
        // A newer data key does not end the message.
        let rotated = [[7; 32], [8; 32]].concat();
        assert_eq!(*cipher(&rotated).open(id, address, &sealed).unwrap(), b"token");
        assert!(cipher(&[9; 32]).open(id, address, &sealed).is_err());
        assert!(cipher(&[7; 32]).open(Uuid::from_u128(2), address, &sealed).is_err());
        assert!(cipher(&[7; 32]).open(id, "eve@example.com", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(cipher(&[7; 32]).open(id, address, &sealed[..length]).is_err());
        }
    }
}
