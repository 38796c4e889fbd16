//! `/admin/audit`

pub mod export;
pub mod list;
pub mod verify;
