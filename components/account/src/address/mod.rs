//! `/api/v1/account/address`

pub mod confirm;
pub mod object;
pub mod request;
