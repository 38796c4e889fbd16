//! The identity of a caller, as a parameter of handlers.

use std::collections::BTreeSet;

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use serde::Deserialize;

use crate::Refusal;

/// The verified caller. Handlers take it as a parameter. Store data under its `tenant_id`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The id of the tenant.
    pub tenant_id: String,
    /// The slug of the tenant.
    pub tenant_slug: String,
    /// The id of the user, if the caller is a user.
    pub user_id: Option<String>,
    /// The role of the user, if the caller is a user.
    pub user_role: Option<String>,
    /// The id of the API key, if the caller is an API key.
    pub api_key_id: Option<String>,
    /// The scopes of the caller.
    pub scopes: BTreeSet<String>,
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

#[cfg(test)]
mod tests {
    use axum::{http::Request, response::IntoResponse as _};

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
