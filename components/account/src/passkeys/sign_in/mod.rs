//! `/api/v1/account/passkeys/sign-in`

pub mod begin;
pub mod confirm;
