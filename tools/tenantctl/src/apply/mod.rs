//! `tenantctl apply`: brings the tenants of a file into the state that the file declares.
//!
//! Under a crash: each tenant is created or changed by the same use cases as one by one, so repeating the command finishes
//! the rest.

mod desired;
mod plan;
mod run;

pub use run::{Arguments, run};
