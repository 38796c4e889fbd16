//! Measurements with a thousand tenants, which take minutes and 10 GB of disk space: `./dev test scale`.
//!
//! `SCALE_TENANTS` sets another number of tenants.

#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod pgbouncer;
