//! End-to-end tests: one module per route, and scenarios across routes.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]

mod routes;
mod scenarios;
