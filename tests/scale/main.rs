//! Measurements that take minutes: `./dev test scale`. The one with a thousand tenants takes 10 GB of disk space.
//!
//! `SCALE_TENANTS` sets another number of tenants.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod gate;
mod pgbouncer;
