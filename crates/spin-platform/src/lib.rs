//! The platform on a Spin host: the only crate, besides the HTTP edge, that uses the Spin SDK.
//!
//! README.md lists the workarounds for the host, each with its measured gain.

#![cfg(target_family = "wasm")]

pub mod deadline;
pub mod handover;
mod host;
mod http;
mod key_value;
mod redis;
mod single_flight;
mod sql;

use std::rc::Rc;

pub use http::read_body;
use platform::{Http, NoHttp, Platform};

#[doc(hidden)]
pub use spin_sdk::wasip3;

/// Returns the platform of a component on Spin. `redis_address` is a `redis://` URL. Connections open on first use.
/// It calls no other server: [`http`] does, which is apart so that most components do not import it.
pub fn platform(redis_address: String) -> Platform {
    Platform {
        sql: Rc::new(sql::SpinSql::default()),
        redis: Rc::new(redis::SpinRedis::new(redis_address)),
        key_value: Rc::<key_value::SpinKeyValue>::default(),
        clock: Rc::<host::HostClock>::default(),
        random: Rc::<host::HostRandom>::default(),
        executor: Rc::new(host::HostExecutor),
        http: Rc::new(NoHttp),
    }
}

/// Returns the calls of other servers, for the components that need them.
pub fn http() -> Rc<dyn Http> {
    Rc::new(http::SpinHttp)
}
