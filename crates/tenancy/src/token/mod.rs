//! Tokens: what a signed-in user shows.
//!
//! An access token is a signed statement (JWT) that is believed without a look-up, apart from the
//! versions in it. Setup and refresh tokens are opaque: chance, kept as a hash.

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
