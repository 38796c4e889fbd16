//! The usage of tenants: the current one, and its history.

pub mod history;
pub mod stats;
