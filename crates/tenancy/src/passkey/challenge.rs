//! The challenges that authenticators sign.
//!
//! A challenge is stored nowhere until it is used, so requests of strangers fill no table. It has a MAC with a key of
//! the tenant, which binds it to the tenant, to its use and to its expiry. The statement that accepts a response stores
//! the nonce, and refuses a nonce that is stored.
//!
//! The key is derived from the first data key. Copies of a tenant have the same keys and another id.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use platform::Random;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::Refusal;
use crate::{
    crypto::DataKeys,
    error::{Error, Result},
};

/// How long a challenge is valid.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(5);

const TIME: usize = 8;
const NONCE: usize = 16;
const MAC: usize = 32;

/// The use of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// A sign-in of anyone.
    SignIn,
    /// A registration in a session of a user.
    Registration {
        /// The user.
        user: Uuid,
        /// The session.
        session: Uuid,
    },
    /// A proof of identity in a session of a user.
    Proof {
        /// The user.
        user: Uuid,
        /// The session.
        session: Uuid,
    },
    /// The second step of the sign-in with this challenge.
    SecondStep(Uuid),
    /// The enrolment that the sign-in with this challenge needs.
    Enrollment(Uuid),
}

impl Use {
    /// Returns the session or the sign-in that gets the challenge; `None` for a sign-in of anyone. Rate limits count each
    /// one separately, so that somebody with the password of a user cannot use up the challenges of the user's sessions.
    pub(crate) fn place(self) -> Option<Uuid> {
        match self {
            Self::SignIn => None,
            Self::Registration { session, .. } | Self::Proof { session, .. } => Some(session),
            Self::SecondStep(challenge) | Self::Enrollment(challenge) => Some(challenge),
        }
    }

    /// Returns the name and the ids, always 33 bytes.
    fn bytes(self) -> [u8; 33] {
        let (name, first, second) = match self {
            Self::SignIn => (1, Uuid::nil(), Uuid::nil()),
            Self::Registration { user, session } => (2, user, session),
            Self::Proof { user, session } => (3, user, session),
            Self::SecondStep(challenge) => (4, challenge, Uuid::nil()),
            Self::Enrollment(challenge) => (5, challenge, Uuid::nil()),
        };
        let mut bytes = [name; 33];
        bytes[1..17].copy_from_slice(first.as_bytes());
        bytes[17..].copy_from_slice(second.as_bytes());
        bytes
    }
}

/// A challenge that this service has issued for a use and that has not expired.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) nonce: [u8; NONCE],
    pub(crate) expires_at: DateTime<Utc>,
}

/// Returns a new challenge in base64url.
pub(crate) fn issue(
    keys: &DataKeys,
    tenant: Uuid,
    of: Use,
    now: DateTime<Utc>,
    random: &dyn Random,
) -> Result<String> {
    let head = head(now, random)?;
    let mac = keys.passkey_challenge_mac(tenant, &of.bytes(), &head)?;
    Ok(URL_SAFE_NO_PAD.encode([head.as_slice(), &mac].concat()))
}

/// Returns a text that looks like a challenge, for a tenant that does not exist.
pub(crate) fn stand_in(now: DateTime<Utc>, random: &dyn Random) -> Result<String> {
    let head = head(now, random)?;
    Ok(URL_SAFE_NO_PAD.encode([head.as_slice(), &random.bytes::<MAC>()].concat()))
}

/// Returns the expiry and a nonce.
fn head(now: DateTime<Utc>, random: &dyn Random) -> Result<[u8; TIME + NONCE]> {
    let expires_at = u64::try_from((now + LIFETIME).timestamp()).map_err(Error::internal)?;
    let mut head = [0; TIME + NONCE];
    head[..TIME].copy_from_slice(&expires_at.to_be_bytes());
    random.fill(&mut head[TIME..]);
    Ok(head)
}

/// Verifies a challenge.
///
/// # Errors
/// [`Refusal::Challenge`] if it was not issued for this tenant and use, or has expired.
pub(crate) fn open(
    keys: &DataKeys,
    tenant: Uuid,
    of: Use,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Result<Opened, Refusal>> {
    const REFUSED: Result<Opened, Refusal> = Err(Refusal::Challenge);
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(text) else { return Ok(REFUSED) };
    let Some((head, mac)) = bytes.split_first_chunk::<{ TIME + NONCE }>() else {
        return Ok(REFUSED);
    };
    let expected = keys.passkey_challenge_mac(tenant, &of.bytes(), head)?;
    if !bool::from(expected.as_slice().ct_eq(mac)) {
        return Ok(REFUSED);
    }
    let (mut time, mut nonce) = ([0; TIME], [0; NONCE]);
    time.copy_from_slice(&head[..TIME]);
    nonce.copy_from_slice(&head[TIME..]);
    let time = i64::try_from(u64::from_be_bytes(time)).map_err(Error::internal)?;
    let expires_at = DateTime::from_timestamp(time, 0);
    let expires_at = expires_at.ok_or_else(|| Error::internal("a challenge has no expiry"))?;
    Ok(if now < expires_at { Ok(Opened { nonce, expires_at }) } else { REFUSED })
}

#[cfg(test)]
mod tests {
    use platform::native::NativeRandom;

    use super::*;

    // S65
    #[test]
    fn challenge_has_one_tenant_one_use_and_five_minutes() {
        const REFUSED: Result<Opened, Refusal> = Err(Refusal::Challenge);
        let keys = |bytes: &[u8]| DataKeys::from_bytes(bytes).unwrap();
        let id = Uuid::from_u128;
        let now = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let of = Use::Registration { user: id(1), session: id(2) };
        let issued = issue(&keys(&[7; 32]), id(9), of, now, &NativeRandom).unwrap();
        let read = |keys: &DataKeys, tenant, of, text: &str, after| {
            open(keys, tenant, of, text, now + TimeDelta::seconds(after)).unwrap()
        };
        let opened = read(&keys(&[7; 32]), id(9), of, &issued, 0).unwrap();
        assert_eq!(opened.expires_at, now + LIFETIME);
        assert!(read(&keys(&[[7; 32], [8; 32]].concat()), id(9), of, &issued, 299).is_ok());
        assert_eq!(read(&keys(&[7; 32]), id(9), of, &issued, 300), REFUSED);
        assert_eq!(read(&keys(&[8; 32]), id(9), of, &issued, 0), REFUSED);
        assert_eq!(read(&keys(&[7; 32]), id(8), of, &issued, 0), REFUSED);
        for other in [
            Use::SignIn,
            Use::Registration { user: id(2), session: id(1) },
            Use::Registration { user: id(1), session: id(3) },
            Use::Proof { user: id(1), session: id(2) },
            Use::SecondStep(id(1)),
            Use::Enrollment(id(1)),
        ] {
            assert_eq!(read(&keys(&[7; 32]), id(9), other, &issued, 0), REFUSED, "{other:?}");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&issued).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(read(&keys(&[7; 32]), id(9), of, &changed, 0), REFUSED, "{at}");
        }
        let stand_in = stand_in(now, &NativeRandom).unwrap();
        assert_eq!(stand_in.len(), issued.len());
        for text in [stand_in.as_str(), "", "AAAA", &issued[1..], "é"] {
            assert_eq!(read(&keys(&[7; 32]), id(9), of, text, 0), REFUSED, "{text}");
        }
    }
}
