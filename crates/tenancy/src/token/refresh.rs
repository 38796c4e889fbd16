//! Refresh tokens: each can be exchanged once for an access token and the next refresh token.
//!
//! A token contains its tenant and session, and a check value that only this service can compute. So a token that is
//! not the session's current one is known to have been issued before, and its use is a reuse. An invented token belongs
//! to no session and ends none.
//!
//! While the master key is rotated, two concurrent uses may reach instances with different current keys. So the secret,
//! whose hash is stored, is derived from the tenant's data key, and both instances derive the same one. The check value
//! is computed with the current key and accepted with any configured key. A session moves to another key with its next
//! use.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use platform::Random;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    crypto::{DataKeys, MasterKey},
    error::Result,
};

const PREFIX: &str = "ldr_";

/// A refresh token. It is shown once; its hash is stored.
pub struct RefreshToken {
    tenant: Uuid,
    session: Uuid,
    secret: Zeroizing<[u8; 32]>,
    check: [u8; 16],
}

impl RefreshToken {
    /// Generates the first token of a session from 256 random bits.
    pub fn first(
        key: &MasterKey,
        tenant: Uuid,
        session: Uuid,
        random: &dyn Random,
    ) -> Result<Self> {
        Self::new(key, tenant, session, random.bytes())
    }

    /// Derives the next token. It depends only on this token, so two concurrent uses return the same one.
    pub fn successor(&self, key: &MasterKey, tenant: &DataKeys) -> Result<Self> {
        let secret = tenant.next_refresh_secret(self.session, &self.secret)?;
        Self::new(key, self.tenant, self.session, secret)
    }

    fn new(key: &MasterKey, tenant: Uuid, session: Uuid, secret: [u8; 32]) -> Result<Self> {
        let check = key.refresh_check(tenant, session, &secret)?;
        Ok(Self { tenant, session, secret: Zeroizing::new(secret), check })
    }

    /// Parses a token; returns `None` if this service has not issued it.
    pub fn parse(key: &MasterKey, text: &str) -> Result<Option<Self>> {
        let Some(given) = Self::decode(text) else { return Ok(None) };
        let is_ours =
            key.is_refresh_check(given.tenant, given.session, &given.secret, &given.check)?;
        Ok(is_ours.then_some(given))
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

    /// Returns the tenant of the token.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Returns the session of the token.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// Returns the text of the token, to be shown once.
    pub fn expose(&self) -> String {
        let parts: [&[u8]; 4] =
            [self.tenant.as_bytes(), self.session.as_bytes(), &*self.secret, &self.check];
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*Zeroizing::new(parts.concat())))
    }

    /// Returns the SHA-256 hash that is stored instead of the token. The token has 256 random bits, so no salt is
    /// needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use platform::native::NativeRandom;

    const OLD: &str = "a master key of thirty-two bytes";
    const NEW: &str = "another master key of as many...";
    const TENANT: Uuid = Uuid::from_u128(1);
    const SESSION: Uuid = Uuid::from_u128(2);

    fn key(text: &str, others: &[&str]) -> MasterKey {
        let others: Vec<_> = others.iter().map(|text| Secret::from((*text).to_owned())).collect();
        MasterKey::derive(&Secret::from(text.to_owned()), &others).unwrap()
    }

    fn first(key: &MasterKey) -> RefreshToken {
        RefreshToken::first(key, TENANT, SESSION, &NativeRandom).unwrap()
    }

    fn counts(key: &MasterKey, token: &RefreshToken) -> bool {
        RefreshToken::parse(key, &token.expose()).unwrap().is_some()
    }

    // S4, S9
    #[test]
    fn token_parses_only_with_its_key() {
        let ours = key(OLD, &[]);
        let token = first(&ours);
        let read = RefreshToken::parse(&ours, &token.expose()).unwrap().unwrap();
        assert_eq!((read.tenant(), read.session(), read.hash()), (TENANT, SESSION, token.hash()));
        assert!(!counts(&key(NEW, &[]), &token));
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
    fn token_has_exactly_one_successor() {
        let key = key(OLD, &[]);
        let data_keys = DataKeys::from_bytes(&[7; 32]).unwrap();
        let token = first(&key);
        let next = token.successor(&key, &data_keys).unwrap();
        assert_eq!(next.hash(), token.successor(&key, &data_keys).unwrap().hash());
        assert_ne!(next.hash(), token.hash());
        assert!(counts(&key, &next));
        let others = DataKeys::from_bytes(&[8; 32]).unwrap();
        assert_ne!(next.hash(), token.successor(&key, &others).unwrap().hash());
    }

    // S9, S24
    #[test]
    fn session_moves_to_new_master_key() {
        let (old, new) = (key(OLD, &[]), key(NEW, &[]));
        let (both, turned) = (key(OLD, &[NEW]), key(NEW, &[OLD]));
        let data_keys = DataKeys::from_bytes(&[7; 32]).unwrap();
        let token = first(&old);
        assert!(counts(&both, &token) && counts(&turned, &token) && !counts(&new, &token));
        let next = |key: &MasterKey| token.successor(key, &data_keys).unwrap();
        let (here, there) = (next(&both), next(&turned));
        // Two concurrent uses derive the same token, both for the catalog and for the next use of either token.
        assert_eq!(here.hash(), there.hash());
        let after = [(&here, &turned), (&there, &both)]
            .map(|(token, key)| token.successor(key, &data_keys).unwrap().hash());
        assert_eq!(after[0], after[1]);
        for token in [&here, &there] {
            assert!(counts(&both, token) && counts(&turned, token));
        }
        assert!(counts(&new, &there) && !counts(&new, &here));
    }
}
