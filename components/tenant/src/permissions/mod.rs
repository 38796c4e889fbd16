//! `/api/v1/permissions`

pub mod create;
pub mod delete;
pub mod list;
