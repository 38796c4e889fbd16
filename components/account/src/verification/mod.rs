//! `/api/v1/account/verification`

pub mod confirm;
pub mod request;
