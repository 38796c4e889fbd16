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

mod identity;
mod refusal;
mod service;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

pub use identity::Identity;
pub use refusal::Refusal;

/// A connection to the service. Clones share it.
#[derive(Debug, Clone)]
pub struct Tenancy {
    url: Arc<str>,
    timeout: Duration,
    client: reqwest::Client,
}

impl Tenancy {
    /// Uses the service at this URL, such as `http://tenancy:8002`. A verification takes two seconds at most.
    ///
    /// # Errors
    /// The TLS library cannot be initialized.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        Self::with_timeout(url, Duration::from_secs(2))
    }

    /// Uses the service at this URL. A verification takes `timeout` at most.
    pub fn with_timeout(url: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        let url = url.trim_end_matches('/').into();
        Ok(Self { url, timeout, client: service::client()? })
    }

    /// Returns the state of [`verify`] for a route whose callers need these scopes.
    pub fn require(&self, scopes: &[&str]) -> Required {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Required { tenancy: self.clone(), scopes }
    }
}

/// The scopes of a route.
#[derive(Debug, Clone)]
pub struct Required {
    tenancy: Tenancy,
    scopes: Arc<[String]>,
}

/// The middleware of a route. Use it with [`axum::middleware::from_fn_with_state`].
pub async fn verify(
    State(required): State<Required>,
    mut request: Request,
    next: Next,
) -> Response {
    match service::verify(&required.tenancy, &required.scopes, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}
