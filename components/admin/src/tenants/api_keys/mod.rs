//! `/admin/tenants/{id}/api-keys`

pub mod create;
pub mod delete;
pub mod list;
