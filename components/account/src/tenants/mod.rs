//! `/api/v1/account/tenants`

pub mod list;
pub mod switch;
