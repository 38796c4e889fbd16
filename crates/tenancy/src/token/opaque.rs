//! Opaque tokens: a kind, the tenant they are of, and a secret.
//!
//! The tenant is in the token so that it says itself where it belongs. The kind is in its text, so
//! that none passes for another.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::platform::Random;

/// What an opaque token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Sets a user's password once.
    Setup,
    /// Gets a new access token.
    Refresh,
}

impl TokenKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Setup => "lds_",
            Self::Refresh => "ldr_",
        }
    }
}

/// An opaque token. It is shown once; its hash is what is kept.
pub struct OpaqueToken {
    kind: TokenKind,
    tenant: Uuid,
    secret: Zeroizing<[u8; 32]>,
}

impl OpaqueToken {
    /// A token of a secret that is given.
    pub fn new(kind: TokenKind, tenant: Uuid, secret: [u8; 32]) -> Self {
        Self { kind, tenant, secret: Zeroizing::new(secret) }
    }

    /// A token of 256 random bits.
    pub fn generate(kind: TokenKind, tenant: Uuid, random: &dyn Random) -> Self {
        Self::new(kind, tenant, random.bytes())
    }

    /// A token from its text; `None` when it is not one of this kind.
    pub fn parse(kind: TokenKind, text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(kind.prefix())?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
        let (tenant, secret) = bytes.split_at_checked(16)?;
        Some(Self::new(kind, Uuid::from_slice(tenant).ok()?, secret.try_into().ok()?))
    }

    /// The tenant it is of.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(self.tenant.as_bytes().to_vec());
        bytes.extend_from_slice(&*self.secret);
        format!("{}{}", self.kind.prefix(), URL_SAFE_NO_PAD.encode(&*bytes))
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
    fn a_token_is_read_back_as_its_own_kind_alone() {
        let tenant = Uuid::from_u128(7);
        let token = OpaqueToken::generate(TokenKind::Setup, tenant, &NativeRandom);
        let read = OpaqueToken::parse(TokenKind::Setup, &token.expose()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (tenant, token.hash()));
        assert!(OpaqueToken::parse(TokenKind::Refresh, &token.expose()).is_none());
        for text in ["", "lds_", "lds_AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
            assert!(OpaqueToken::parse(TokenKind::Setup, text).is_none(), "{text}");
        }
    }
}
