//! `/api/v1/profile/second-factors` and `/api/v1/profile/recovery-codes`

pub mod begin;
pub mod confirm;
pub mod list;
pub mod recovery_codes;
pub mod remove;
