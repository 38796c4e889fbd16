//! The signatures of access tokens, for the `jsonwebtoken` crate.
//!
//! The crate's own choice of algorithms would bring RSA and two elliptic curves into every
//! component. This one knows HS256 and refuses the rest, so that no token can choose another.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
};
use sha2::Sha256;
use signature::{Error, Signer, Verifier};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(signer(*algorithm, key)?) as Box<dyn JwtSigner>),
    verifier_factory: |algorithm, key| {
        Ok(Box::new(verifier(*algorithm, key)?) as Box<dyn JwtVerifier>)
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes this the way `jsonwebtoken` signs and verifies.
pub(super) fn install() {
    // Installed already means: by a call before this one.
    let _ = PROVIDER.install_default();
}

struct Hs256(Hmac<Sha256>);

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Hs256> {
    match algorithm {
        Algorithm::HS256 => keyed(key.as_bytes()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Hs256> {
    match algorithm {
        Algorithm::HS256 => keyed(key.try_get_as_bytes()?),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn keyed(secret: &[u8]) -> Result<Hs256> {
    Hmac::new_from_slice(secret).map(Hs256).map_err(|_| ErrorKind::InvalidKeyFormat.into())
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let mut mac = self.0.clone();
        mac.update(message);
        mac.verify_slice(signature).map_err(|_| Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
