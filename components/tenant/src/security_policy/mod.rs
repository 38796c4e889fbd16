//! `/api/v1/tenant/security-policy`

pub mod get;
pub mod update;
