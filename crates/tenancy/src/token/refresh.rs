//! Refresh tokens: each gets the next one and an access token, once.
//!
//! A token says of which tenant and session it is, and carries a check that only this service can
//! make. So a token that is not the session's current one is known to have been issued before: it
//! was used twice. One that is made up is nobody's, and ends no session.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{crypto::MasterKey, error::Result, platform::Random};

const PREFIX: &str = "ldr_";

/// A refresh token. It is shown once; its hash is kept.
pub struct RefreshToken {
    tenant: Uuid,
    session: Uuid,
    secret: Zeroizing<[u8; 32]>,
    check: [u8; 16],
}

impl RefreshToken {
    /// The first token of a session: 256 random bits.
    pub fn first(
        key: &MasterKey,
        tenant: Uuid,
        session: Uuid,
        random: &dyn Random,
    ) -> Result<Self> {
        Self::new(key, tenant, session, random.bytes())
    }

    /// The token after this one. It follows from it, so that two uses at once give the same.
    pub fn successor(&self, key: &MasterKey) -> Result<Self> {
        let secret = key.next_refresh_secret(self.tenant, self.session, &self.secret)?;
        Self::new(key, self.tenant, self.session, secret)
    }

    fn new(key: &MasterKey, tenant: Uuid, session: Uuid, secret: [u8; 32]) -> Result<Self> {
        let check = key.refresh_check(tenant, session, &secret)?;
        Ok(Self { tenant, session, secret: Zeroizing::new(secret), check })
    }

    /// A token from its text, if this service has issued it; `None` else.
    pub fn parse(key: &MasterKey, text: &str) -> Result<Option<Self>> {
        let Some(given) = Self::decode(text) else { return Ok(None) };
        let genuine = Self::new(key, given.tenant, given.session, *given.secret)?;
        Ok(bool::from(genuine.check.ct_eq(&given.check)).then_some(given))
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?);
        let (tenant, rest) = bytes.split_at_checked(16)?;
        let (session, rest) = rest.split_at_checked(16)?;
        let (secret, check) = rest.split_at_checked(32)?;
        Some(Self {
            tenant: Uuid::from_slice(tenant).ok()?,
            session: Uuid::from_slice(session).ok()?,
            secret: Zeroizing::new(secret.try_into().ok()?),
            check: check.try_into().ok()?,
        })
    }

    /// The tenant it is of.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The session it is of.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> String {
        let parts: [&[u8]; 4] =
            [self.tenant.as_bytes(), self.session.as_bytes(), &*self.secret, &self.check];
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*Zeroizing::new(parts.concat())))
    }

    /// What is kept in its place: SHA-256, of 256 bits of chance, so no salt is needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{platform::native::NativeRandom, settings::Secret};

    fn key(text: &str) -> MasterKey {
        MasterKey::derive(&Secret::from(text.to_owned())).unwrap()
    }

    // S4, S9
    #[test]
    fn a_token_is_read_back_where_it_was_issued_and_nowhere_else() {
        let ours = key("a master key of thirty-two bytes");
        let (tenant, session) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = RefreshToken::first(&ours, tenant, session, &NativeRandom).unwrap();
        let read = RefreshToken::parse(&ours, &token.expose()).unwrap().unwrap();
        assert_eq!((read.tenant(), read.session(), read.hash()), (tenant, session, token.hash()));
        let other = key("another master key of as many...");
        assert!(RefreshToken::parse(&other, &token.expose()).unwrap().is_none());
        for length in 0..token.expose().len() {
            assert!(RefreshToken::parse(&ours, &token.expose()[..length]).unwrap().is_none());
        }
        let text = token.expose();
        for index in PREFIX.len()..text.len() {
            let other = if text.as_bytes()[index] == b'A' { 'Q' } else { 'A' };
            let changed = format!("{}{other}{}", &text[..index], &text[index + 1..]);
            assert!(RefreshToken::parse(&ours, &changed).unwrap().is_none(), "{index}");
        }
    }

    // S9
    #[test]
    fn a_token_has_one_successor() {
        let key = key("a master key of thirty-two bytes");
        let token =
            RefreshToken::first(&key, Uuid::from_u128(1), Uuid::from_u128(2), &NativeRandom)
                .unwrap();
        let next = token.successor(&key).unwrap();
        assert_eq!(next.hash(), token.successor(&key).unwrap().hash());
        assert_ne!(next.hash(), token.hash());
        assert!(RefreshToken::parse(&key, &next.expose()).unwrap().is_some());
    }
}
