//! The life cycle of tenants: provisioning, changes of their state, and destruction.
//!
//! A crash leaves a tenant in the state `provisioning`. Repeating the same call or running `tenantctl repair` finishes
//! it; see [`provision`].

pub mod clusters;
pub mod creation;
pub mod credentials;
pub mod databases;
pub mod destroy;
pub mod inventory;
pub mod isolation;
pub mod manage;
pub mod moving;
pub mod provision;
mod receipt;
pub mod rename;
pub mod role_limits;
