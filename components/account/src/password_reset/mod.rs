//! `/api/v1/account/password-reset`

pub mod confirm;
pub mod request;
