//! The public key of a passkey, in the form of COSE (RFC 9052, section 7, and RFC 9053).

use std::ops::RangeInclusive;

use ed25519_dalek::{Signature as EdSignature, VerifyingKey as EdVerifyingKey};
use minicbor::{Decoder, data::Type};
use p256::ecdsa::{
    Signature as EcSignature, VerifyingKey as EcVerifyingKey, signature::Verifier as _,
};
use rsa::{
    BoxedUint, PublicKey as RsaPublicKey,
    pkcs1v15::{Signature as RsaSignature, VerifyingKey as RsaVerifyingKey},
};
use sha2::Sha256;

use super::Refusal;
use crate::error::{Error, Result as CoreResult};

/// A signature algorithm, with its COSE number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for authenticators of Windows Hello.
    Rs256,
}

impl Algorithm {
    /// All algorithms, the preferred one first.
    pub(crate) const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Returns the number in COSE.
    pub(crate) const fn number(self) -> i32 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    fn of_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|known| i64::from(known.number()) == number)
    }
}

/// The only exponent of RSA keys that is accepted: 65537, which all authenticators use.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];
/// The sizes of RSA keys that are accepted, in bits.
const RSA_BITS: RangeInclusive<u32> = 2_048..=4_096;
/// The maximum number of members of a key.
const MOST_MEMBERS: u64 = 5;

/// A public key that verifies signatures of its passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: Algorithm,
    /// The stored form: for ES256 the point (SEC 1, uncompressed), for `EdDSA` the key (RFC 8032), for RS256 the modulus.
    pub(crate) bytes: Vec<u8>,
}

/// A value in a key.
enum Member<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

impl<'a> Member<'a> {
    fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Bytes(_) => None,
        }
    }

    fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }
}

impl PublicKey {
    /// Reads a key. The decoder is behind it afterwards.
    ///
    /// # Errors
    /// [`Refusal::Algorithm`] for an algorithm that is not supported; [`Refusal::Key`] for a key that is not a valid key
    /// of its algorithm, or has other members than these.
    pub(super) fn read(decoder: &mut Decoder<'_>) -> Result<Self, Refusal> {
        let members = members(decoder).map_err(|_| Refusal::Malformed)?;
        let members = members.ok_or(Refusal::Key)?;
        let member = |name: i64| members.iter().find(|(own, _)| *own == name).map(|found| &found.1);
        let number = |name: i64| member(name).and_then(Member::number);
        let bytes = |name: i64| member(name).and_then(Member::bytes);
        let algorithm = Algorithm::of_number(number(3).ok_or(Refusal::Key)?);
        let algorithm = algorithm.ok_or(Refusal::Algorithm)?;
        let (kind, curve, count) = match algorithm {
            Algorithm::Es256 => (2, Some(1), 5),
            Algorithm::EdDsa => (1, Some(6), 4),
            Algorithm::Rs256 => (3, None, 4),
        };
        let is_of_kind = number(1) == Some(kind) && members.len() == count;
        if !is_of_kind || (curve.is_some() && number(-1) != curve) {
            return Err(Refusal::Key);
        }
        let stored = match algorithm {
            Algorithm::Es256 => match (bytes(-2), bytes(-3)) {
                (Some(x), Some(y)) if x.len() == 32 && y.len() == 32 => [&[4], x, y].concat(),
                _ => return Err(Refusal::Key),
            },
            Algorithm::EdDsa => bytes(-2).ok_or(Refusal::Key)?.to_vec(),
            Algorithm::Rs256 => match (bytes(-1), bytes(-2)) {
                (Some(modulus), Some(exponent)) if exponent == RSA_EXPONENT => modulus.to_vec(),
                _ => return Err(Refusal::Key),
            },
        };
        let key = Self { algorithm, bytes: stored };
        key.verifier().ok_or(Refusal::Key)?;
        Ok(key)
    }

    /// Returns a stored key.
    ///
    /// # Errors
    /// [`Error::Internal`] if the service did not store it.
    pub(crate) fn of_row(algorithm: i32, bytes: Vec<u8>) -> CoreResult<Self> {
        let algorithm = Algorithm::of_number(algorithm.into());
        let key = algorithm.map(|algorithm| Self { algorithm, bytes });
        key.ok_or_else(|| Error::internal("a passkey has an unknown algorithm"))
    }

    /// Returns whether a signature of a message is valid.
    pub(super) fn is_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier().is_some_and(|verifier| match verifier {
            Verifier::Es256(key) => EcSignature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Verifier::EdDsa(key) => EdSignature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Verifier::Rs256(key) => RsaSignature::try_from(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        })
    }

    /// Returns the verifier; `None` if the key is invalid.
    fn verifier(&self) -> Option<Verifier> {
        Some(match self.algorithm {
            Algorithm::Es256 => Verifier::Es256(EcVerifyingKey::from_sec1_bytes(&self.bytes).ok()?),
            Algorithm::EdDsa => {
                let bytes = self.bytes.as_slice().try_into().ok()?;
                let key = EdVerifyingKey::from_bytes(bytes).ok()?;
                Verifier::EdDsa((!key.is_weak()).then_some(key)?)
            }
            Algorithm::Rs256 => {
                let bits = u32::try_from(self.bytes.len()).ok()?.checked_mul(8)?;
                let modulus = BoxedUint::from_be_slice(&self.bytes, bits).ok()?;
                if !RSA_BITS.contains(&modulus.bit_width()) {
                    return None;
                }
                let exponent = BoxedUint::from_be_slice(&RSA_EXPONENT, 24).ok()?;
                let key = RsaPublicKey::new(modulus, exponent).ok()?;
                Verifier::Rs256(Box::new(RsaVerifyingKey::new(key)))
            }
        })
    }
}

enum Verifier {
    Es256(EcVerifyingKey),
    EdDsa(EdVerifyingKey),
    Rs256(Box<RsaVerifyingKey<Sha256>>),
}

/// Reads the members of a key; `None` if there are too many, one occurs twice, or one has another type.
fn members<'a>(
    decoder: &mut Decoder<'a>,
) -> Result<Option<Vec<(i64, Member<'a>)>>, minicbor::decode::Error> {
    let Some(count) = decoder.map()?.filter(|count| *count <= MOST_MEMBERS) else {
        return Ok(None);
    };
    let mut members: Vec<(i64, Member<'_>)> = Vec::new();
    for _ in 0..count {
        let name = decoder.i64()?;
        if members.iter().any(|(known, _)| *known == name) {
            return Ok(None);
        }
        let member = match decoder.datatype()? {
            Type::Bytes => Member::Bytes(decoder.bytes()?),
            _ => match decoder.i64() {
                Ok(number) => Member::Number(number),
                Err(_) => return Ok(None),
            },
        };
        members.push((name, member));
    }
    Ok(Some(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cbor: &[u8]) -> Result<PublicKey, Refusal> {
        PublicKey::read(&mut Decoder::new(cbor))
    }

    /// The base point of P-256 as a key, with its members in the order of COSE: kty, alg, crv, x, y.
    fn es256() -> Vec<u8> {
        let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
        let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
        let coordinate = |text: &str| base16ct::lower::decode_vec(text).unwrap();
        [
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20",
            &coordinate(x)[..],
            b"\x22\x58\x20",
            &coordinate(y),
        ]
        .concat()
    }

    // S64
    #[test]
    fn key_must_be_valid_for_its_algorithm() {
        let key = read(&es256()).unwrap();
        assert_eq!((key.algorithm, key.bytes.len()), (Algorithm::Es256, 65));
        let changed = |at: usize, value: u8| {
            let mut cbor = es256();
            cbor[at] = value;
            read(&cbor).map(drop)
        };
        // Another key type, ES384, another curve, a point that is not on the curve, a compressed point.
        assert_eq!(changed(2, 1), Err(Refusal::Key));
        assert_eq!(changed(4, 0x27), Err(Refusal::Key));
        assert_eq!(changed(4, 0x2e), Err(Refusal::Algorithm));
        assert_eq!(changed(6, 2), Err(Refusal::Key));
        assert_eq!(changed(es256().len() - 1, 0), Err(Refusal::Key));
        assert_eq!(changed(1, 3), Err(Refusal::Key));
        // A member of another kind, and one that occurs twice.
        assert_eq!(changed(5, 0x23), Err(Refusal::Key));
        assert_eq!(changed(5, 0x21), Err(Refusal::Key));
        for length in 0..es256().len() {
            let refused = read(&es256()[..length]).map(drop);
            assert!(matches!(refused, Err(Refusal::Malformed | Refusal::Key)), "{length}");
        }
        let odd = [b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20".as_slice(), &[0; 32]].concat();
        // The key of small order verifies signatures of any message.
        assert_eq!(read(&odd), Err(Refusal::Key));
        assert_eq!(read(b"\xa4\x01\x01\x03\x27\x20\x06\x21\x41\x01"), Err(Refusal::Key));
        assert_eq!(read(b"\xa0"), Err(Refusal::Key));
        assert_eq!(read(b"\xbf\xff"), Err(Refusal::Key));
    }

    // S64
    #[test]
    fn rsa_keys_are_bounded() {
        let rsa = |modulus: &[u8], exponent: &[u8]| {
            let length = u16::try_from(modulus.len()).unwrap().to_be_bytes();
            let begin = b"\xa4\x01\x03\x03\x39\x01\x00\x20\x59".as_slice();
            let size = u8::try_from(exponent.len()).unwrap();
            read(&[begin, &length, modulus, &[0x21, 0x40 | size], exponent].concat()).map(drop)
        };
        assert_eq!(rsa(&[0xff; 256], &[1, 0, 1]), Ok(()));
        assert_eq!(rsa(&[0xff; 512], &[1, 0, 1]), Ok(()));
        assert_eq!(rsa(&[0xff; 255], &[1, 0, 1]), Err(Refusal::Key));
        assert_eq!(rsa(&[0xff; 513], &[1, 0, 1]), Err(Refusal::Key));
        assert_eq!(rsa(&[0; 256], &[1, 0, 1]), Err(Refusal::Key));
        // An even modulus, and other exponents.
        assert_eq!(rsa(&[0xfe; 256], &[1, 0, 1]), Err(Refusal::Key));
        assert_eq!(rsa(&[0xff; 256], &[3]), Err(Refusal::Key));
        assert_eq!(rsa(&[0xff; 256], &[1]), Err(Refusal::Key));
    }
}
