//! Runs components in the runner and checks the results that they see.
//!
//! The guest is `tests/guest`. The query of a request names one of its operations, and the response is the result from
//! the host.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]
#![expect(clippy::needless_pass_by_value, reason = "arguments are written in place with json!")]

mod http;
mod instances;
mod isolation;
mod key_value;
mod outbound;
mod postgres;
mod redis;
mod slow_clients;
mod start;
mod support;
mod variables;
