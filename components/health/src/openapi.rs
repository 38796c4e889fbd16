//! `GET /openapi.json`

use http::{HeaderValue, header};
use tenancy::Result;
use web::{Call, Response};

use crate::compressed::{self, compressed};

/// Generated from the types of the handlers. A test in `tests` compares it with them.
const DOCUMENT: &[u8] = compressed!("openapi.json");

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

async fn handler(mut call: Call) -> Result<Response> {
    let cached = HeaderValue::from_static("public, max-age=300");
    let document = compressed::response("application/json", DOCUMENT, &call.request().headers)?;
    Ok(document.with_header(header::CACHE_CONTROL, cached))
}
