//! Tokens: the credentials of signed-in users.
//!
//! An access token is a signed statement (JWT). It is verified without a look-up, apart from the versions in it. Setup
//! tokens, challenges and refresh tokens are opaque random values that are stored as a hash.

mod access;
mod claims;
mod jws;
mod keys;
mod one_time;
mod refresh;
mod sign_in_code;
mod verified;

pub use access::{AccessTokens, Subject};
pub use claims::Claims;
pub use keys::Jwk;
pub use one_time::{
    AddressToken, ChallengeToken, ObjectionToken, OneTimeToken, RecoveryToken, SetupToken,
    SignInRequest, SignInToken, TenantListToken, TokenUse, VerificationToken,
};
pub use refresh::RefreshToken;
pub use sign_in_code::SignInCode;
