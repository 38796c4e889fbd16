//! Access tokens, with the checks of the application (`crates/tenancy/src/token/access.rs`).

use anyhow::{Result, ensure};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    crypto::{CryptoProvider, JwtVerifier, KeyUtils},
    decode, decode_header,
    errors::ErrorKind,
};
use serde::Deserialize;
use sha2::Sha256;
use signature::{Error, Verifier};
use uuid::Uuid;

/// The maximum length of a token in bytes.
const LONGEST: usize = 8 * 1024;
/// The number of seconds that the clock of the signer may be ahead.
const LEEWAY: i64 = 30;

/// The claims of an access token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "deserialization checks that exactly these claims are present")]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    client_id: String,
    pub(crate) sub: Uuid,
    pub(crate) tid: Uuid,
    slug: String,
    role: String,
    scope: String,
    typ: String,
    jti: Uuid,
    pub(crate) sid: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
    pub(crate) ver: i64,
}

pub(crate) struct AccessTokens {
    key: DecodingKey,
    validation: Validation,
}

impl AccessTokens {
    pub(crate) fn new(secret: &[u8]) -> Self {
        // Fails only if an earlier call installed it.
        let _ = PROVIDER.install_default();
        let mut validation = Validation::new(Algorithm::HS256);
        // `verify` checks the times, as in the application.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.set_issuer(&["tenancy"]);
        validation.set_audience(&["tenancy"]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
        Self { key: DecodingKey::from_secret(secret), validation }
    }

    pub(crate) fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims> {
        ensure!(token.len() <= LONGEST, "the token is too long");
        let header = decode_header(token)?;
        ensure!(header.typ.as_deref() == Some("at+jwt"), "the token has another type");
        ensure!(header.crit.is_none() && header.kid.is_some(), "the token has another header");
        let claims = decode::<Claims>(token, &self.key, &self.validation)?.claims;
        let now = now.timestamp();
        ensure!(claims.typ == "access", "the token has another type");
        ensure!(
            claims.nbf <= now + LEEWAY && now < claims.exp,
            "the token is expired or not yet valid"
        );
        Ok(claims)
    }
}

// The providers of `jsonwebtoken` include RSA or need a C compiler.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => {
            let mac = Hmac::new_from_slice(key.try_get_as_bytes()?);
            Ok(Box::new(Hs256(mac.map_err(|_| ErrorKind::InvalidKeyFormat)?)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// HMAC with SHA-256 (RFC 7518, section 3.2).
struct Hs256(Hmac<Sha256>);

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        let mac = self.0.clone().chain_update(message);
        mac.verify_slice(signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
