//! Tokens: the credentials of signed-in users.
//!
//! An access token is a signed statement (JWT). It is verified without a look-up, apart from the versions in it. Setup
//! and refresh tokens are opaque random values that are stored as a hash.

mod access;
mod jws;
mod keys;
pub mod oauth;
mod refresh;
pub mod session;
mod setup;
mod verified;

pub use access::{AccessTokens, Claims, Subject};
pub use keys::{Ed25519Key, Ed25519VerifyingKey, Jwk};
pub use refresh::RefreshToken;
pub use setup::SetupToken;
