//! `/api/v1/tenant/mail-settings`

pub mod get;
pub mod update;
