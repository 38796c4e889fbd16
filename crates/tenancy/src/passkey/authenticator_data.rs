//! The data of an authenticator (WebAuthn, section 6.1), and the attestation object around them (section 6.5.4).

use minicbor::Decoder;
use sha2::{Digest as _, Sha256};

use super::{Refusal, RelyingParty, public_key::PublicKey};

/// The maximum length of the id of a credential in bytes (WebAuthn, section 4).
pub(super) const LONGEST_ID: usize = 1_023;

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;
const HAS_EXTENSIONS: u8 = 0x80;

/// The signed data of an authenticator.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    relying_party_hash: &'a [u8],
    flags: u8,
    /// The signature counter; 0 if the authenticator has none.
    pub(super) sign_count: u32,
    /// The new credential, in a registration.
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct AttestedCredential<'a> {
    pub(super) id: &'a [u8],
    pub(super) public_key: PublicKey,
}

/// Splits the first bytes off.
fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Refusal> {
    let (first, rest) = bytes.split_at_checked(length).ok_or(Refusal::Malformed)?;
    *bytes = rest;
    Ok(first)
}

impl<'a> AuthenticatorData<'a> {
    /// Reads the data. Nothing may follow them.
    pub(super) fn read(mut bytes: &'a [u8]) -> Result<Self, Refusal> {
        let rest = &mut bytes;
        let relying_party_hash = take(rest, 32)?;
        let flags = take(rest, 1)?[0];
        let sign_count = take(rest, 4)?.try_into().map_err(|_| Refusal::Malformed)?;
        let credential = if flags & HAS_CREDENTIAL == 0 {
            None
        } else {
            // The model of the authenticator is not evaluated, because it is not attested.
            take(rest, 16)?;
            let length = take(rest, 2)?.try_into().map_err(|_| Refusal::Malformed)?;
            let length = usize::from(u16::from_be_bytes(length));
            if !(1..=LONGEST_ID).contains(&length) {
                return Err(Refusal::CredentialId);
            }
            let id = take(rest, length)?;
            let mut decoder = Decoder::new(rest);
            let public_key = PublicKey::read(&mut decoder)?;
            take(rest, decoder.position())?;
            Some(AttestedCredential { id, public_key })
        };
        if flags & HAS_EXTENSIONS != 0 {
            let mut decoder = Decoder::new(rest);
            decoder.map().map_err(|_| Refusal::Malformed)?;
            decoder.set_position(0);
            // It counts the items that are left, so neither depth nor length costs memory.
            decoder.skip().map_err(|_| Refusal::Malformed)?;
            take(rest, decoder.position())?;
        }
        if !rest.is_empty() {
            return Err(Refusal::Malformed);
        }
        let sign_count = u32::from_be_bytes(sign_count);
        Ok(Self { relying_party_hash, flags, sign_count, credential })
    }

    /// Checks the RP ID, that the user was present and verified, and that the flags do not contradict each other.
    pub(super) fn check(&self, relying_party: &RelyingParty) -> Result<(), Refusal> {
        if self.relying_party_hash != Sha256::digest(relying_party.id.as_bytes()).as_slice() {
            return Err(Refusal::RelyingParty);
        }
        if self.flags & USER_PRESENT == 0 {
            return Err(Refusal::UserPresence);
        }
        if self.flags & USER_VERIFIED == 0 {
            return Err(Refusal::UserVerification);
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(Refusal::Backup);
        }
        Ok(())
    }

    /// Returns whether the credential can have copies.
    pub(super) fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Returns whether the credential has a copy now.
    pub(super) fn is_backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

/// Returns the data of the authenticator in an attestation object. The statement may have any format and is not
/// evaluated.
pub(super) fn of_attestation(object: &[u8]) -> Result<&[u8], Refusal> {
    read_attestation(object).ok().flatten().ok_or(Refusal::Malformed)
}

fn read_attestation(object: &[u8]) -> Result<Option<&[u8]>, minicbor::decode::Error> {
    let mut decoder = Decoder::new(object);
    let members = decoder.map()?;
    let (mut format, mut statement, mut data) = (None, None, None);
    // CTAP2 has the three members only, in a map of definite length.
    if members != Some(3) {
        return Ok(None);
    }
    for _ in 0..3 {
        match decoder.str()? {
            "fmt" => format = Some(decoder.str()?),
            "attStmt" => {
                let begin = decoder.position();
                decoder.map()?;
                decoder.set_position(begin);
                decoder.skip()?;
                statement = Some(());
            }
            "authData" => data = Some(decoder.bytes()?),
            _ => return Ok(None),
        }
    }
    let is_whole = decoder.position() == object.len() && format.is_some() && statement.is_some();
    Ok(data.filter(|_| is_whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns authenticator data for the RP ID `acme.example` with these flags and this rest.
    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        let hash = Sha256::digest(b"acme.example");
        [hash.as_slice(), &[flags, 0, 0, 1, 2], rest].concat()
    }

    fn check(flags: u8, id: &str) -> Result<(), Refusal> {
        let bytes = data(flags, &[]);
        let relying_party = RelyingParty { id: id.to_owned(), origins: Vec::new() };
        AuthenticatorData::read(&bytes)?.check(&relying_party)
    }

    // S64
    #[test]
    fn flags_and_rp_id_are_required() {
        assert_eq!(check(0x05, "acme.example"), Ok(()));
        assert_eq!(check(0x1d, "acme.example"), Ok(()));
        assert_eq!(check(0x0d, "acme.example"), Ok(()));
        assert_eq!(check(0x05, "example"), Err(Refusal::RelyingParty));
        assert_eq!(check(0x04, "acme.example"), Err(Refusal::UserPresence));
        assert_eq!(check(0x01, "acme.example"), Err(Refusal::UserVerification));
        assert_eq!(check(0x15, "acme.example"), Err(Refusal::Backup));
    }

    #[test]
    fn data_end_where_they_end() {
        let bytes = data(0x05, &[]);
        assert_eq!(AuthenticatorData::read(&bytes).unwrap().sign_count, 258);
        for length in 0..bytes.len() {
            let refused = AuthenticatorData::read(&bytes[..length]).map(drop);
            assert_eq!(refused, Err(Refusal::Malformed), "{length}");
        }
        let refused = |flags, rest: &[u8]| AuthenticatorData::read(&data(flags, rest)).err();
        assert_eq!(refused(0x05, &[0]), Some(Refusal::Malformed));
        // {"credProtect": 2} as extensions.
        let extensions = b"\xa1\x6bcredProtect\x02";
        assert_eq!(refused(0x85, extensions), None);
        assert_eq!(
            refused(0x85, &[extensions.as_slice(), &[0]].concat()),
            Some(Refusal::Malformed)
        );
        assert_eq!(refused(0x85, &extensions[..12]), Some(Refusal::Malformed));
        assert_eq!(refused(0x85, b"\x01"), Some(Refusal::Malformed));
        assert_eq!(refused(0x85, b""), Some(Refusal::Malformed));
        // A credential without an id, and with an id that is too long.
        let id = |length: u16| [&[0; 16], &length.to_be_bytes()[..], &[7; 2_000]].concat();
        for length in [0, 1_024, u16::MAX] {
            assert_eq!(refused(0x45, &id(length)), Some(Refusal::CredentialId), "{length}");
        }
    }

    // S64
    #[test]
    fn nested_values_are_bounded() {
        // A hundred thousand nested arrays, and a map that announces 2^63 members.
        let deep = [b"\xa1\x61x".as_slice(), &vec![0x81; 100_000], &[0]].concat();
        assert_eq!(AuthenticatorData::read(&data(0x85, &deep)).map(drop), Ok(()));
        let huge = [b"\xbb\x80\0\0\0\0\0\0\0".as_slice(), &[0; 64]].concat();
        let refused = AuthenticatorData::read(&data(0x85, &huge)).map(drop);
        assert_eq!(refused, Err(Refusal::Malformed));
        let object = [b"\xa3\x63fmt\x64none\x67attStmt".as_slice(), &huge].concat();
        assert_eq!(of_attestation(&object), Err(Refusal::Malformed));
    }

    #[test]
    fn attestation_has_three_members() {
        let object = |text: &[u8]| of_attestation(text).map(<[u8]>::to_vec);
        let none = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x42hi";
        assert_eq!(object(none), Ok(b"hi".to_vec()));
        for wrong in [
            [none.as_slice(), &[0]].concat(),
            none[..none.len() - 1].to_vec(),
            b"\xa2\x63fmt\x64none\x68authData\x42hi".to_vec(),
            b"\xa3\x63fmt\x64none\x67attStmt\x01\x68authData\x42hi".to_vec(),
            b"\xa3\x63fmt\x64none\x63fmt\x64none\x68authData\x42hi".to_vec(),
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authDatu\x42hi".to_vec(),
            b"\xbf\x63fmt\x64none\x67attStmt\xa0\x68authData\x42hi\xff".to_vec(),
            Vec::new(),
        ] {
            assert_eq!(object(&wrong), Err(Refusal::Malformed), "{wrong:x?}");
        }
    }
}
