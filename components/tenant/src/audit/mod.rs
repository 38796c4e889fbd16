//! `/api/v1/tenant/audit`

pub mod export;
pub mod list;
pub mod verify;
