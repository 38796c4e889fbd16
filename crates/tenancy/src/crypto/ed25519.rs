//! Ed25519 keys (RFC 8032).

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{SigningKey, VerifyingKey, pkcs8::DecodePrivateKey as _};

/// An Ed25519 signing key. It is never printed.
#[derive(Clone)]
pub struct Ed25519Key(pub(crate) SigningKey);

impl Ed25519Key {
    /// Parses one of three forms: PKCS#8 in PEM format, in which `\n` may stand for line breaks; only the base64 text
    /// of that; or the 32 bytes of the seed (RFC 8032) in base64url.
    pub fn parse(text: &str) -> Result<Self, String> {
        let pem = if text.starts_with("-----BEGIN") {
            text.replace("\\n", "\n")
        } else {
            format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
        };
        let seed = || URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?.try_into().ok();
        SigningKey::from_pkcs8_pem(&pem)
            .ok()
            .or_else(|| seed().map(|seed| SigningKey::from_bytes(&seed)))
            .map(Self)
            .ok_or_else(|| {
                "must be an Ed25519 key: PKCS#8 as PEM, as openssl genpkey -algorithm ed25519 \
                 writes it, or 32 bytes in base64url"
                    .to_owned()
            })
    }

    /// Returns the key that verifies its signatures.
    pub fn verifying_key(&self) -> Ed25519VerifyingKey {
        Ed25519VerifyingKey(self.0.verifying_key())
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[Ed25519 key]")
    }
}

/// An Ed25519 verification key.
#[derive(Debug, Clone)]
pub struct Ed25519VerifyingKey(pub(crate) VerifyingKey);

impl Ed25519VerifyingKey {
    /// Parses a comma-separated list of keys, each the `x` of its JWK: 32 bytes in base64url.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, String> {
        let parse = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
            VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak()).map(Self)
        };
        text.split(',')
            .map(|item| parse(item.trim()))
            .collect::<Option<_>>()
            .ok_or_else(|| "must be public Ed25519 keys, each the x of its JWK, with commas".into())
    }
}
