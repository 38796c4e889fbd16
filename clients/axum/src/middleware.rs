//! The middleware: it verifies the caller of each request with the client.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::client::{Identity, Refusal, Tenancy};

/// The scopes of a route.
#[derive(Debug, Clone)]
pub struct Required {
    tenancy: Tenancy,
    scopes: Arc<[String]>,
}

impl Tenancy {
    /// Returns the state of [`verify`] for a route whose callers need these scopes.
    pub fn require(&self, scopes: &[&str]) -> Required {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Required { tenancy: self.clone(), scopes }
    }
}

/// The middleware of a route. Use it with [`axum::middleware::from_fn_with_state`].
pub async fn verify(
    State(required): State<Required>,
    mut request: Request,
    next: Next,
) -> Response {
    match required.tenancy.verify(&required.scopes, request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Refusal;

    /// Returns the caller, or refuses the request if its route has no [`verify`].
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let missing =
            || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "This route verifies no caller.");
        parts.extensions.get().cloned().ok_or_else(missing)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.problem));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[tokio::test]
    async fn unverified_route_refuses_requests() {
        let (mut parts, ()) = Request::new(()).into_parts();
        let refused =
            Identity::from_request_parts(&mut parts, &()).await.map(|caller| caller.tenant_id);
        let status = refused.map_err(|refusal| refusal.into_response().status());
        assert_eq!(status, Err(StatusCode::INTERNAL_SERVER_ERROR));
    }
}
