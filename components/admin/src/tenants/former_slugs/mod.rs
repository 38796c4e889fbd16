//! `/admin/tenants/{id}/former-slugs`

pub mod list;
pub mod release;
