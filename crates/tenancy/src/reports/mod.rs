//! Reports about the service: the health of its stores, and its metrics.

pub mod cached;
pub mod health;
mod metrics;
