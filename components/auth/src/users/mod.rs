//! `/api/v1/users`

pub mod create;
pub mod delete;
pub mod erase;
pub mod export;
pub mod get;
pub mod list;
pub mod reset_password;
pub mod second_factors;
pub mod update;
