//! `/api/v1/account/passkeys/registration`

pub mod begin;
pub mod confirm;
