//! `/.well-known`

pub mod webauthn;
