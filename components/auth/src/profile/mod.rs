//! `/api/v1/profile`

pub mod get;
pub mod password;
pub mod update;
