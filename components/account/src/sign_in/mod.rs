//! `/api/v1/account/sign-in`

pub mod confirm;
pub mod request;
