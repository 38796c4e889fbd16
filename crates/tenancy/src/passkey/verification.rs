//! The verification of responses of authenticators (WebAuthn, sections 7.1 and 7.2).
//!
//! The caller verifies the returned challenge with [`super::challenge`], and the statement that stores the result
//! verifies the signature counter and that the challenge is used once.

use sha2::{Digest as _, Sha256};

use super::{
    Assertion, NewCredential, Refusal, RelyingParty,
    authenticator_data::{self, AuthenticatorData},
    client_data::{self, Ceremony},
    public_key::PublicKey,
};

/// A verified registration.
#[derive(Debug)]
pub(crate) struct Registered {
    /// The challenge in base64url.
    pub(crate) challenge: String,
    pub(crate) public_key: PublicKey,
    pub(crate) sign_count: u32,
    pub(crate) is_backup_eligible: bool,
    pub(crate) is_backed_up: bool,
}

/// The properties of a stored passkey that an authentication is verified with.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) public_key: PublicKey,
    pub(crate) user_handle: Vec<u8>,
    pub(crate) is_backup_eligible: bool,
}

/// A verified authentication.
#[derive(Debug)]
pub(crate) struct Authenticated {
    /// The challenge in base64url.
    pub(crate) challenge: String,
    pub(crate) sign_count: u32,
    pub(crate) is_backed_up: bool,
}

/// Verifies a registration.
pub(crate) fn registration(
    credential: &NewCredential,
    relying_party: &RelyingParty,
) -> Result<Registered, Refusal> {
    let challenge =
        client_data::challenge(&credential.client_data, Ceremony::Create, relying_party)?;
    let data = authenticator_data::of_attestation(&credential.attestation)?;
    let data = AuthenticatorData::read(data)?;
    data.check(relying_party)?;
    let (is_backup_eligible, is_backed_up) = (data.is_backup_eligible(), data.is_backed_up());
    let attested = data.credential.ok_or(Refusal::Malformed)?;
    if attested.id != credential.id {
        return Err(Refusal::CredentialId);
    }
    Ok(Registered {
        challenge,
        public_key: attested.public_key,
        sign_count: data.sign_count,
        is_backup_eligible,
        is_backed_up,
    })
}

/// Verifies an authentication.
pub(crate) fn authentication(
    assertion: &Assertion,
    expected: &Expected,
    relying_party: &RelyingParty,
) -> Result<Authenticated, Refusal> {
    let challenge = client_data::challenge(&assertion.client_data, Ceremony::Get, relying_party)?;
    let is_of_user =
        assertion.user_handle.as_ref().is_none_or(|given| *given == expected.user_handle);
    if !is_of_user {
        return Err(Refusal::UserHandle);
    }
    let data = AuthenticatorData::read(&assertion.authenticator_data)?;
    data.check(relying_party)?;
    // A credential cannot become one that has copies, or cease to be one.
    if data.is_backup_eligible() != expected.is_backup_eligible {
        return Err(Refusal::Backup);
    }
    let client_data_hash = Sha256::digest(&assertion.client_data);
    let signed = [assertion.authenticator_data.as_slice(), client_data_hash.as_slice()].concat();
    if !expected.public_key.is_signed(&signed, &assertion.signature) {
        return Err(Refusal::Signature);
    }
    let (sign_count, is_backed_up) = (data.sign_count, data.is_backed_up());
    Ok(Authenticated { challenge, sign_count, is_backed_up })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::Value;

    use super::*;
    use crate::passkey::public_key::Algorithm;

    /// A registration and an authentication of the specification, section "Test Vectors".
    struct Vector {
        name: String,
        registration: NewCredential,
        authentication: Assertion,
        challenges: [Vec<u8>; 2],
    }

    fn vectors() -> Vec<Vector> {
        let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
        let bytes = |value: &Value| base16ct::lower::decode_vec(value.as_str().unwrap()).unwrap();
        let vector = |vector: &Value| {
            let (created, got) = (&vector["registration"], &vector["authentication"]);
            let id = bytes(&vector["credentialId"]);
            Vector {
                name: vector["name"].as_str().unwrap().to_owned(),
                registration: NewCredential {
                    id: id.clone(),
                    client_data: bytes(&created["clientDataJSON"]),
                    attestation: bytes(&created["attestationObject"]),
                    transports: Vec::new(),
                },
                authentication: Assertion {
                    id,
                    client_data: bytes(&got["clientDataJSON"]),
                    authenticator_data: bytes(&got["authenticatorData"]),
                    signature: bytes(&got["signature"]),
                    user_handle: None,
                },
                challenges: [bytes(&created["challenge"]), bytes(&got["challenge"])],
            }
        };
        vectors.as_array().unwrap().iter().map(vector).collect()
    }

    fn relying_party() -> RelyingParty {
        RelyingParty {
            id: "example.org".to_owned(),
            origins: vec!["https://example.org".to_owned()],
        }
    }

    /// Returns the key of a registration and the flags, without the checks of the flags.
    fn attested(vector: &Vector) -> Result<Expected, Refusal> {
        let data = authenticator_data::of_attestation(&vector.registration.attestation)?;
        let data = AuthenticatorData::read(data)?;
        let is_backup_eligible = data.is_backup_eligible();
        let public_key = data.credential.unwrap().public_key;
        Ok(Expected { public_key, user_handle: vec![1], is_backup_eligible })
    }

    // S64
    #[test]
    fn vectors_of_the_specification_match() {
        // The result of a registration and of an authentication. Some vectors lack the verification of the user.
        const UV: Result<(), Refusal> = Err(Refusal::UserVerification);
        const CROSS: Result<(), Refusal> = Err(Refusal::CrossOrigin);
        const ALGORITHM: Result<(), Refusal> = Err(Refusal::Algorithm);
        let expected = [
            ("none-es256", UV, UV),
            ("packed-self-es256", Ok(()), UV),
            ("none-es256-crossOrigin", CROSS, CROSS),
            ("none-es256-topOrigin", CROSS, CROSS),
            ("none-es256-long-credential-id", UV, Ok(())),
            ("packed-es256", Ok(()), Ok(())),
            ("packed-es384", ALGORITHM, ALGORITHM),
            ("packed-es512", ALGORITHM, ALGORITHM),
            ("packed-rs256", Ok(()), UV),
            ("packed-eddsa", UV, UV),
            ("packed-ed448", ALGORITHM, ALGORITHM),
            ("tpm-es256", Ok(()), Ok(())),
            ("android-key-es256", Ok(()), UV),
            ("apple-es256", UV, UV),
            ("fido-u2f-es256", UV, UV),
        ];
        let vectors = vectors();
        assert_eq!(vectors.len(), expected.len());
        for (vector, (name, created, got)) in vectors.iter().zip(expected) {
            assert_eq!(vector.name, name);
            let registered = registration(&vector.registration, &relying_party());
            assert_eq!(
                registered.as_ref().map(|_| ()).map_err(|refusal| *refusal),
                created,
                "{name}"
            );
            if let Ok(registered) = registered {
                let challenge = URL_SAFE_NO_PAD.decode(&registered.challenge).unwrap();
                assert_eq!(challenge, vector.challenges[0], "{name}");
            }
            let key = match attested(vector) {
                Ok(key) => key,
                Err(refusal) => {
                    assert_eq!(Err(refusal), got, "{name}");
                    continue;
                }
            };
            let authenticated = authentication(&vector.authentication, &key, &relying_party());
            assert_eq!(
                authenticated.as_ref().map(|_| ()).map_err(|refusal| *refusal),
                got,
                "{name}"
            );
            if let Ok(authenticated) = authenticated {
                let challenge = URL_SAFE_NO_PAD.decode(&authenticated.challenge).unwrap();
                assert_eq!(challenge, vector.challenges[1], "{name}");
            }
            // The signature is right in any case, and only for this message.
            let Assertion { authenticator_data, client_data, signature, .. } =
                &vector.authentication;
            let message =
                [&authenticator_data[..], Sha256::digest(client_data).as_slice()].concat();
            assert!(key.public_key.is_signed(&message, signature), "{name}");
            assert!(!key.public_key.is_signed(&message[1..], signature), "{name}");
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert!(!key.public_key.is_signed(&message, &changed), "{name} {at}");
            }
            assert!(!key.public_key.is_signed(&message, &[]), "{name}");
            let stored = key.public_key.clone();
            let row = PublicKey::of_row(stored.algorithm.number(), stored.bytes.clone()).unwrap();
            assert_eq!(row, stored, "{name}");
        }
        let algorithms: Vec<_> = vectors
            .iter()
            .filter_map(|vector| Some(attested(vector).ok()?.public_key.algorithm))
            .collect();
        for algorithm in Algorithm::ALL {
            assert!(algorithms.contains(&algorithm), "{algorithm:?}");
        }
    }

    fn vector(name: &str) -> Vector {
        vectors().into_iter().find(|vector| vector.name == name).unwrap()
    }

    // S64
    #[test]
    fn each_step_of_an_authentication_refuses() {
        let verify = |change: &dyn Fn(&mut Assertion, &mut Expected, &mut RelyingParty)| {
            let Vector { mut authentication, .. } = vector("packed-es256");
            let mut expected = attested(&vector("packed-es256")).unwrap();
            let mut relying_party = relying_party();
            authentication.user_handle = Some(vec![1]);
            change(&mut authentication, &mut expected, &mut relying_party);
            super::authentication(&authentication, &expected, &relying_party).map(drop)
        };
        assert_eq!(verify(&|_, _, _| ()), Ok(()));
        assert_eq!(verify(&|given, _, _| given.user_handle = None), Ok(()));
        let other = vec!["https://example.com".to_owned()];
        assert_eq!(verify(&|_, _, party| party.origins = other.clone()), Err(Refusal::Origin));
        assert_eq!(
            verify(&|_, _, party| "org".clone_into(&mut party.id)),
            Err(Refusal::RelyingParty)
        );
        assert_eq!(
            verify(&|given, _, _| given.user_handle = Some(vec![2])),
            Err(Refusal::UserHandle)
        );
        let created = vector("packed-es256").registration.client_data;
        assert_eq!(
            verify(&|given, _, _| given.client_data = created.clone()),
            Err(Refusal::Ceremony)
        );
        for (flags, refusal) in [
            (0x0c, Refusal::UserPresence),
            (0x09, Refusal::UserVerification),
            (0x15, Refusal::Backup),
            (0x05, Refusal::Backup),
            (0x1d, Refusal::Signature),
        ] {
            let changed = verify(&|given, _, _| given.authenticator_data[32] = flags);
            assert_eq!(changed, Err(refusal), "{flags:x}");
        }
        // The counter, the challenge and the page are signed.
        assert_eq!(
            verify(&|given, _, _| given.authenticator_data[36] ^= 1),
            Err(Refusal::Signature)
        );
        let spaced = |given: &mut Assertion| given.client_data.push(b' ');
        assert_eq!(verify(&|given, _, _| spaced(given)), Err(Refusal::Signature));
        let key = attested(&vector("tpm-es256")).unwrap().public_key;
        assert_eq!(
            verify(&|_, expected, _| expected.public_key = key.clone()),
            Err(Refusal::Signature)
        );
    }

    // S64
    #[test]
    fn each_step_of_a_registration_refuses() {
        let verify = |change: &dyn Fn(&mut NewCredential)| {
            let Vector { mut registration, .. } = vector("packed-es256");
            change(&mut registration);
            super::registration(&registration, &relying_party()).map(drop)
        };
        assert_eq!(verify(&|_| ()), Ok(()));
        assert_eq!(verify(&|given| given.id[0] ^= 1), Err(Refusal::CredentialId));
        let got = vector("packed-es256").authentication;
        assert_eq!(
            verify(&|given| given.client_data = got.client_data.clone()),
            Err(Refusal::Ceremony)
        );
        // Data without a credential.
        let data = &got.authenticator_data;
        let length = u8::try_from(data.len()).unwrap();
        let begin = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice();
        let without = [begin, &[length], data].concat();
        assert_eq!(verify(&|given| given.attestation = without.clone()), Err(Refusal::Malformed));
        assert_eq!(verify(&|given| given.attestation.push(0)), Err(Refusal::Malformed));
    }
}
