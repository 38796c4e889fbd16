//! `/api/v1/profile`

pub mod get;
pub mod password;
pub mod second_factors;
pub mod update;
