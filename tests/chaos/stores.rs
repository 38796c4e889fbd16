//! PostgreSQL and Redis of the run.

use std::ops::Deref;

use e2e::Services;

/// The stores, with their faults.
pub struct Stores(Services);

impl Stores {
    /// Starts the stores.
    pub fn start() -> Self {
        Self(Services::start_durable())
    }

    /// Returns the servers, for their settings and connections.
    pub fn services(&self) -> &Services {
        &self.0
    }
}

impl Deref for Stores {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}
