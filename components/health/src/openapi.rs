//! `GET /openapi.json`

use http::{HeaderValue, StatusCode, header};
use tenancy::{
    Result,
    http::{Call, Response},
};

/// Made from the handlers' own types; a test of `tests` compares it with them.
const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// Describes every route (OpenAPI 3.1).
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Service",
    responses((status = 200, description = "The description.", content_type = "application/json")),
)]
pub async fn handler(_: Call) -> Result<Response> {
    let mut response = Response::empty(StatusCode::OK)
        .with_header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response.body = DOCUMENT.into();
    Ok(response)
}
