//! SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in the format of PostgreSQL.
//!
//! Only the verifier of a role's password is sent, so no statement and no log contains the password.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// The default of PostgreSQL. The password has 256 random bits, so more rounds would not add protection.
const ROUNDS: u32 = 4_096;

/// Returns the verifier of an ASCII password, for `CREATE ROLE ... PASSWORD`.
pub(crate) fn verifier(password: &str, salt: &[u8; 16]) -> Result<String> {
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, ROUNDS);
    let key = |label: &[u8]| -> Result<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&salted).map_err(Error::internal)?;
        mac.update(label);
        Ok(mac.finalize().into_bytes().into())
    };
    let stored_key = Sha256::digest(key(b"Client Key")?);
    Ok(format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(key(b"Server Key")?),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_7677_example_matches() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        assert_eq!(
            verifier("pencil", &salt).unwrap(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }
}
