//! Tokens that are valid once: setup tokens, challenges of sign-ins, and tokens that a person has asked for by mail.

use std::marker::PhantomData;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use platform::Random;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The use of a token. A token for one use is not accepted for another one.
pub trait TokenUse {
    /// The first characters of each token.
    const PREFIX: &'static str;
}

/// Defines uses of tokens with their prefixes.
macro_rules! uses {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$meta])*
        pub struct $name;

        impl TokenUse for $name {
            const PREFIX: &'static str = $prefix;
        }
    )+};
}

uses! {
    /// The use of a [`SetupToken`].
    Setup = "lds_";
    /// The use of a [`ChallengeToken`].
    Challenge = "ldc_";
    /// The use of a [`RecoveryToken`].
    Recovery = "ldp_";
    /// The use of a [`VerificationToken`].
    Verification = "ldv_";
    /// The use of a [`SignInToken`].
    SignIn = "ldm_";
    /// The use of a [`SignInRequest`].
    Request = "ldq_";
    /// The use of an [`AddressToken`].
    NewAddress = "lda_";
    /// The use of an [`ObjectionToken`].
    Objection = "ldo_";
    /// The use of a [`TenantListToken`].
    TenantList = "ldt_";
}

/// Sets the password of one user.
pub type SetupToken = OneTimeToken<Setup>;
/// Continues a sign-in with its second factor.
pub type ChallengeToken = OneTimeToken<Challenge>;
/// Replaces a forgotten password.
pub type RecoveryToken = OneTimeToken<Recovery>;
/// Proves control of an address.
pub type VerificationToken = OneTimeToken<Verification>;
/// Signs a user in without a password.
pub type SignInToken = OneTimeToken<SignIn>;
/// Names a request for a sign-in by mail. Its caller keeps it, and the code in the message is valid only with it.
pub type SignInRequest = OneTimeToken<Request>;
/// Gives a user a new address.
pub type AddressToken = OneTimeToken<NewAddress>;
/// Gives a user the former address back.
pub type ObjectionToken = OneTimeToken<Objection>;

/// Lists the tenants in which a person has an account.
pub type TenantListToken = OneTimeToken<TenantList>;

impl RecoveryToken {
    /// How long a token is valid.
    pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(30);
}

/// A token: its tenant and 256 random bits. It is shown once; its hash is stored.
pub struct OneTimeToken<U> {
    tenant: Uuid,
    secret: Zeroizing<[u8; 32]>,
    of: PhantomData<U>,
}

impl<U: TokenUse> OneTimeToken<U> {
    /// Returns a token with a given secret.
    pub fn new(tenant: Uuid, secret: [u8; 32]) -> Self {
        Self { tenant, secret: Zeroizing::new(secret), of: PhantomData }
    }

    /// Generates a token from 256 random bits.
    pub fn generate(tenant: Uuid, random: &dyn Random) -> Self {
        Self::new(tenant, random.bytes())
    }

    /// Parses a token; returns `None` if its form is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.strip_prefix(U::PREFIX)?).ok()?);
        let (tenant, secret) = bytes.split_at_checked(16)?;
        Some(Self::new(Uuid::from_slice(tenant).ok()?, secret.try_into().ok()?))
    }

    /// Returns the tenant of the token.
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// Returns the text of the token, to be shown once.
    pub fn expose(&self) -> String {
        let bytes = Zeroizing::new([self.tenant.as_bytes().as_slice(), &*self.secret].concat());
        format!("{}{}", U::PREFIX, URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// Returns the SHA-256 hash that is stored instead of the token. The token has 256 random bits, so no salt is
    /// needed.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(*self.secret).into()
    }

    /// Returns the SHA-256 hash of the token and a short text. Without the token, the hash does not reveal the text.
    pub(super) fn hash_with(&self, text: &str) -> [u8; 32] {
        Sha256::new().chain_update(*self.secret).chain_update(text).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::native::NativeRandom;

    // S4
    #[test]
    fn generated_token_parses() {
        let token = SetupToken::generate(Uuid::from_u128(7), &NativeRandom);
        let read = SetupToken::parse(&token.expose()).unwrap();
        assert_eq!((read.tenant(), read.hash()), (Uuid::from_u128(7), token.hash()));
        for text in ["", "lds_", "lds_AAAA", "ldr_AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.x"] {
            assert!(SetupToken::parse(text).is_none(), "{text}");
        }
    }

    // S4, S45
    #[test]
    fn token_has_one_use() {
        let setup = SetupToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let challenge = ChallengeToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let recovery = RecoveryToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let verification = VerificationToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let sign_in = SignInToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let request = SignInRequest::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let address = AddressToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let objection = ObjectionToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let list = TenantListToken::generate(Uuid::from_u128(7), &NativeRandom).expose();
        let all = [
            &setup,
            &challenge,
            &recovery,
            &verification,
            &sign_in,
            &request,
            &address,
            &objection,
            &list,
        ];
        for (own, text) in all.into_iter().enumerate() {
            let accepted = [
                SetupToken::parse(text).is_some(),
                ChallengeToken::parse(text).is_some(),
                RecoveryToken::parse(text).is_some(),
                VerificationToken::parse(text).is_some(),
                SignInToken::parse(text).is_some(),
                SignInRequest::parse(text).is_some(),
                AddressToken::parse(text).is_some(),
                ObjectionToken::parse(text).is_some(),
                TenantListToken::parse(text).is_some(),
            ];
            for (index, accepted) in accepted.into_iter().enumerate() {
                assert_eq!(accepted, index == own, "{text} {index}");
            }
        }
    }
}
