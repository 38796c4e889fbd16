//! `GET /.well-known/jwks.json`

use http::{HeaderValue, header};
use serde::Serialize;
use tenancy::{
    Result,
    token::{AccessTokens, Jwk},
};
use utoipa::ToSchema;
use web::{Call, Response};

/// A set of keys (RFC 7517, section 5).
#[derive(Serialize, ToSchema)]
struct JwkSet {
    keys: Vec<Jwk>,
}

web::endpoint! {
    /// Returns the public keys that verify access tokens, if tokens are signed with EdDSA. A new key is published
    /// before it signs tokens.
    ENDPOINT: GET "/.well-known/jwks.json" => handler,
    access: Public,
    operation_id: "getJsonWebKeySet",
    openapi: (
        tag = "Other services",
        responses((status = 200, description = "The keys.", body = JwkSet)),
    ),
}

async fn handler(call: Call) -> Result<Response> {
    let keys = AccessTokens::of(&*call.context()?).public_keys();
    Ok(Response::ok(&JwkSet { keys })
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")))
}
