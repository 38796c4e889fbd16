//! End-to-end tests: one module a route, and scenarios that cross them.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod routes;
mod scenarios;
