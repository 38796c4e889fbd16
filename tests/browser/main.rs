//! `examples/web-interface` in headless Chromium: each flow of a person, with its wrong and used codes and tokens.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod address;
mod authenticator;
mod invitation;
mod mailed_sign_in;
mod passkey;
mod reset;
mod sign_in;
mod support;
mod tenants;
