//! What the outside gives: SQL, Redis, key-value stores, time, chance and the executor, as small
//! traits. [`spin`] implements them on a Spin host, [`native`] for `tenantctl` and the tests.
//!
//! This is the only module that knows the Spin SDK. Every outbound call has a deadline: a call
//! that takes longer fails as unavailable, it never hangs.

mod clock;
mod executor;
mod key_value;
#[cfg(not(target_family = "wasm"))]
pub mod native;
mod random;
pub mod redis;
#[cfg(target_family = "wasm")]
pub mod spin;
pub mod sql;

use std::rc::Rc;

pub use clock::Clock;
pub use executor::Executor;
pub use key_value::{KeyValue, KeyValueError};
pub use random::Random;
pub use redis::Redis;
pub use sql::Sql;

/// The outside, as one handle. Cloning it is cheap and shares what is behind it.
#[derive(Clone)]
pub struct Platform {
    /// PostgreSQL.
    pub sql: Rc<dyn Sql>,
    /// Redis.
    pub redis: Rc<dyn Redis>,
    /// Key-value stores.
    pub key_value: Rc<dyn KeyValue>,
    /// The time.
    pub clock: Rc<dyn Clock>,
    /// Randomness fit for keys.
    pub random: Rc<dyn Random>,
    /// Turns of the event loop.
    pub executor: Rc<dyn Executor>,
}
