//! Runs components in the runner and looks at what they see.
//!
//! The guest is `tests/guest`; each of its operations is named in the query of
//! a request, and answers with what the host gave it.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails panics")]
#![expect(clippy::needless_pass_by_value, reason = "arguments are written in place with json!")]

mod http;
mod instances;
mod isolation;
mod key_value;
mod outbound;
mod postgres;
mod redis;
mod start;
mod support;
mod variables;
