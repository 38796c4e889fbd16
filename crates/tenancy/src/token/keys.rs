//! The keys that sign and verify access tokens, each with a name (`kid`) and one algorithm.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    crypto::{Ed25519Key, Ed25519VerifyingKey},
    secret::Secret,
    settings::Settings,
};

/// A public key in the JWK format (RFC 7517, RFC 8037).
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    r#use: &'static str,
    kid: String,
    x: String,
}

impl From<&Ed25519VerifyingKey> for Jwk {
    fn from(key: &Ed25519VerifyingKey) -> Self {
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            r#use: "sig",
            kid: key_id(b"tenancy/v1/kid/ed25519", key.0.as_bytes()),
            x: URL_SAFE_NO_PAD.encode(key.0.as_bytes()),
        }
    }
}

/// The key that signs new tokens.
pub(super) struct Signing {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

impl Signing {
    /// Returns the Ed25519 key if there is one, otherwise the secret.
    pub(super) fn of(settings: &Settings) -> Self {
        match &settings.jwt_ed25519_key {
            Some(key) => Self {
                id: Jwk::from(&key.verifying_key()).kid,
                algorithm: Algorithm::EdDSA,
                key: EncodingKey::from_ed_der(key.0.as_bytes()),
            },
            None => Self {
                id: secret_id(&settings.jwt_secret_key),
                algorithm: Algorithm::HS256,
                key: EncodingKey::from_secret(settings.jwt_secret_key.expose().as_bytes()),
            },
        }
    }
}

/// A verification key, for its own algorithm only.
pub(super) struct Verifying {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl Verifying {
    /// Returns every key in the settings. The secret stays valid beside an Ed25519 key, so that tokens survive the
    /// change from one to the other.
    pub(super) fn all(settings: &Settings) -> Vec<Self> {
        let secrets = std::iter::once(&settings.jwt_secret_key)
            .chain(&settings.jwt_verification_secret_keys)
            .map(|secret| Self {
                id: secret_id(secret),
                algorithm: Algorithm::HS256,
                key: DecodingKey::from_secret(secret.expose().as_bytes()),
            });
        let public = public_keys(settings).into_iter().map(|key| Self {
            id: Jwk::from(&key).kid,
            algorithm: Algorithm::EdDSA,
            key: DecodingKey::from_ed_der(key.0.as_bytes()),
        });
        secrets.chain(public).collect()
    }
}

/// Returns the published keys. They never include a secret.
pub(super) fn public_keys(settings: &Settings) -> Vec<Ed25519VerifyingKey> {
    let own = settings.jwt_ed25519_key.as_ref().map(Ed25519Key::verifying_key);
    let mut keys: Vec<Ed25519VerifyingKey> = own.into_iter().collect();
    for key in &settings.jwt_verification_ed25519_keys {
        if !keys.iter().any(|known| known.0 == key.0) {
            keys.push(key.clone());
        }
    }
    keys
}

fn secret_id(secret: &Secret) -> String {
    key_id(b"tenancy/v1/kid", secret.expose().as_bytes())
}

/// Derives a name from a key without revealing the key.
fn key_id(label: &[u8], key: &[u8]) -> String {
    let digest = Sha256::new().chain_update(label).chain_update(key).finalize();
    URL_SAFE_NO_PAD.encode(&digest[..9])
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8032, section 7.1, test 1, and RFC 8410, section 10.3
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    #[test]
    fn key_parses_in_each_form() {
        let der = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n");
        for text in [SEED, der, &pem, &pem.replace('\n', "\\n")] {
            let key = Ed25519Key::parse(text).unwrap();
            assert_eq!(Jwk::from(&key.verifying_key()).x, PUBLIC, "{text}");
            assert_eq!(format!("{key:?}"), "[Ed25519 key]");
        }
        for text in ["AAAA", "a secret of thirty-two bytes, or more", "-----BEGIN nothing"] {
            assert!(Ed25519Key::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn public_keys_parse_from_their_x() {
        let keys = Ed25519VerifyingKey::parse_list(&format!("{PUBLIC}, {PUBLIC}")).unwrap();
        assert_eq!(keys.len(), 2);
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        for text in ["", "AAAA", zero.as_str()] {
            assert!(Ed25519VerifyingKey::parse_list(text).is_err(), "{text}");
        }
    }
}
