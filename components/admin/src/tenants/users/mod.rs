//! `/admin/tenants/{id}/users`: the users of a tenant, with their private metadata.

pub mod get;
pub mod list;
pub mod update;
