//! Verifies the callers of an axum application through Tenancy.
//!
//! ```no_run
//! # use axum::{Router, middleware::from_fn_with_state, routing::get};
//! # use tenancy_axum::{Identity, Tenancy, verify};
//! let tenancy = Tenancy::new("http://tenancy:8002")?;
//! let notes = get(async |caller: Identity| caller.tenant_slug)
//!     .route_layer(from_fn_with_state(tenancy.require(&["tenant:read"]), verify));
//! let app: Router = Router::new().route("/notes", notes);
//! # Ok::<(), reqwest::Error>(())
//! ```
//!
//! Without a positive answer of the service, no request reaches its handler.

mod client;
mod middleware;

pub use client::{Identity, Refusal, Tenancy};
pub use middleware::{Required, verify};
