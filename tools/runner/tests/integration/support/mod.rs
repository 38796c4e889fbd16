//! The programs that the tests run: the runner and its servers.

mod app;
mod client;
mod postgres;
mod redis;
#[path = "../../../src/temp_folder.rs"]
mod temp_folder;

use std::net::TcpListener;

pub(crate) use app::{App, Config};
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;

/// Returns a port that is currently free.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
