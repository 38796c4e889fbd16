//! Reports about the service: the health of its stores, and its metrics.

pub mod health;
pub mod kept;
mod metrics;
