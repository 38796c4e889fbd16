//! `/api/v1/tenant/database`

pub mod create;
pub mod list;
pub mod revoke;
