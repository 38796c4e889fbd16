//! Promises that hold when the servers crash. Each test kills or stops Redis or PostgreSQL.
//!
//! The tests share one application and its servers, and run one at a time.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod support;

mod cache;
mod counters;
mod destruction;
mod leases;
mod revocation;
mod throttling;
mod unreachable;
