//! The platform on a Spin host.

pub(crate) mod deadline;
pub(crate) mod handover;
mod host;
mod key_value;
mod redis;
mod single_flight;
mod sql;

use std::rc::Rc;

#[doc(hidden)]
pub use spin_sdk::wasip3;

use super::Platform;

impl Platform {
    /// Returns the platform of a component on Spin. `redis_address` is a `redis://` URL. Connections open on first use.
    pub(crate) fn on_spin(redis_address: String) -> Self {
        Self {
            sql: Rc::new(sql::SpinSql::default()),
            redis: Rc::new(redis::SpinRedis::new(redis_address)),
            key_value: Rc::<key_value::SpinKeyValue>::default(),
            clock: Rc::<host::HostClock>::default(),
            random: Rc::<host::HostRandom>::default(),
            executor: Rc::new(host::HostExecutor),
        }
    }
}
