//! `/api/v1/account/tenant-list`

pub mod confirm;
pub mod request;
