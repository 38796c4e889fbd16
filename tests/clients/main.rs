//! Tests of `clients/`: the committed files match the OpenAPI document, and the clients, their middlewares and the
//! examples of `docs/clients.md` work with the running application.

#![expect(clippy::unwrap_used, reason = "a test that fails fails")]

mod axum;
mod documented;
mod generated;
mod middleware;
mod packages;
mod python;
mod tools;
mod typescript;
