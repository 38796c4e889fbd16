//! The interface to the host: SQL, Redis, key-value stores, HTTP, time, randomness and the executor, as small traits.
//! The crate `spin-platform` implements them on a Spin host, [`native`] for `tenantctl` and the tests.
//!
//! Every outbound call has a deadline. A call that exceeds it fails as
//! unavailable and never hangs.

mod background_task;
mod clock;
mod executor;
mod http;
mod key_value;
#[cfg(not(target_family = "wasm"))]
pub mod native;
pub mod pace;
mod random;
pub mod redis;
pub mod sql;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

use std::rc::Rc;

pub use self::redis::Redis;
pub use background_task::{BackgroundTask, Running};
pub use clock::Clock;
pub use executor::Executor;
pub use http::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse, NoHttp};
pub use key_value::{KeyValue, KeyValueError};
pub use random::Random;
pub use sql::Sql;

/// The interface to the host as one handle. Clones are cheap and share the same resources.
#[derive(Clone)]
pub struct Platform {
    /// PostgreSQL.
    pub sql: Rc<dyn Sql>,
    /// Redis.
    pub redis: Rc<dyn Redis>,
    /// Key-value stores.
    pub key_value: Rc<dyn KeyValue>,
    /// The clock.
    pub clock: Rc<dyn Clock>,
    /// Cryptographically secure randomness.
    pub random: Rc<dyn Random>,
    /// The event loop.
    pub executor: Rc<dyn Executor>,
    /// Other servers.
    pub http: Rc<dyn Http>,
}
