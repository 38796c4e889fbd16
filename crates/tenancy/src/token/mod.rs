//! Tokens: what a signed-in user shows.
//!
//! An access token is a signed statement (JWT) that is believed without a look-up, apart from the
//! versions in it. Setup and refresh tokens are opaque: chance, kept as a hash.

mod access;
mod jws;
mod opaque;
pub mod session;

pub use access::{AccessTokens, Claims, Subject};
pub use opaque::{OpaqueToken, TokenKind};
