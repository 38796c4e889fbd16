//! A middleware for Spin applications: Tenancy verifies each caller before the application sees the request.
//!
//! `docs/gate.md` describes the configuration. The modules decide without the host, so that unit tests cover them:
//! [`decision`] plans a request, and [`verification`] evaluates the response of Tenancy. `component` connects both with
//! the host. The gate fails closed: without a positive response of Tenancy, no request reaches a route that needs a
//! caller.

pub mod decision;
pub mod headers;
pub mod path;
pub mod refusal;
pub mod rules;
pub mod settings;
pub mod verification;

#[cfg(target_family = "wasm")]
mod component;
