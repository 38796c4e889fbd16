//! `/api/v1/account/passkeys`

pub mod list;
pub mod recent_sign_in;
pub mod registration;
pub mod remove;
pub mod rename;
pub mod second_factor;
pub mod sign_in;
