//! The life cycle of tenants: provisioning, changes of their state, and destruction.
//!
//! A crash leaves a tenant in the state `provisioning`. Repeating the same call or running `tenantctl repair` finishes
//! it; see [`provision`].

pub mod creation;
pub mod credentials;
pub mod databases;
pub mod destroy;
pub mod inventory;
pub mod isolation;
pub mod manage;
pub mod provision;
pub mod role_limits;
