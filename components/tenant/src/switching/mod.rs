//! `/api/v1/tenant/switching`

pub mod get;
pub mod replace;
