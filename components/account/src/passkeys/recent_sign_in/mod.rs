//! `/api/v1/account/passkeys/recent-sign-in`

pub mod begin;
pub mod confirm;
