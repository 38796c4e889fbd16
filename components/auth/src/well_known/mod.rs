//! `/.well-known` (RFC 8615)

pub mod jwks;
