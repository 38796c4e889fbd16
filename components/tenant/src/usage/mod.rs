//! `/api/v1/tenant/usage`

pub mod get;
pub mod history;
pub mod report;
