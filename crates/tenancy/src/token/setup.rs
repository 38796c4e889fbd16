//! Setup tokens: each sets the password of one user, once.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::platform::Random;

const PREFIX: &str = "lds_";

/// A setup token: the tenant it is of, and 256 bits of chance. It is shown once; its hash is kept.
pub struct SetupToken {
    tenant: Uuid,
    secret: Zeroizing<[u8; 32]>,
}

impl SetupToken {
    /// A token of a secret that is given.
    pub fn new(tenant: Uuid, secret: [u8; 32]) -> Self {
        Self { tenant, secret: Zeroizing::new(secret) }
    }

    /// A token of 256 random bits.
    pub fn generate(tenant: Uuid, random: &dyn Random) -> Self {
        Self::new(tenant, random.bytes())
    }

    /// A token from its text; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        let (tenant, secret) = bytes.split_at_checked(16)?;
        Some(Self::new(Uuid::from_slice(tenant).ok()?, secret.try_into().ok()?))
    }

    /// The tenant it is of.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> String {
        let bytes = Zeroizing::new([self.tenant.as_bytes().as_slice(), &*self.secret].concat());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// What is kept in its place: SHA-256, of 256 bits of chance, so no salt is needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::native::NativeRandom;

    // S4
    #[test]
    fn a_token_is_read_back() {
        let token = SetupToken::generate(Uuid::from_u128(7), &NativeRandom);
        let read = SetupToken::parse(&token.expose()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (Uuid::from_u128(7), token.hash()));
        for text in ["", "lds_", "lds_AAAA", "ldr_AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
            assert!(SetupToken::parse(text).is_none(), "{text}");
        }
    }
}
