//! `/api/v1/groups/{id}/members`

pub mod add;
pub mod list;
pub mod remove;
