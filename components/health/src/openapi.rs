//! `GET /openapi.json`

use http::{HeaderValue, header};
use tenancy::Result;
use web::{Call, Response};

/// Generated from the types of the handlers. A test in `tests` compares it with them.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

web::endpoint! {
    /// Returns the description of every route (OpenAPI 3.1).
    ENDPOINT: GET "/openapi.json" => handler,
    access: Public,
    operation_id: "getOpenApiDocument",
    openapi: (
        tag = "Service",
        responses((status = 200, description = "The description.", content_type = "application/json")),
    ),
}

async fn handler(_: Call) -> Result<Response> {
    let cached = HeaderValue::from_static("public, max-age=300");
    Ok(Response::bytes("application/json", DOCUMENT.into())
        .with_header(header::CACHE_CONTROL, cached))
}
