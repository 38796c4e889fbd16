//! `GET /docs`: the API documentation as a page that can send requests. This service serves every file of the page; the
//! page loads nothing from third parties.

pub mod asset;

use http::{HeaderValue, header};
use tenancy::Result;
use web::{Call, Response};

const PAGE: &str = include_str!("page.html");

/// Allows the page only its own scripts and requests to this service. Inline styles are allowed because Swagger UI sets
/// them on its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

web::endpoint! {
    /// Returns the API documentation as a page that can send requests.
    ENDPOINT: GET "/docs" => page,
    access: Public,
    operation_id: "getDocumentation",
    openapi: (
        tag = "Service",
        responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
    ),
}

async fn page(_: Call) -> Result<Response> {
    Ok(Response::bytes("text/html; charset=utf-8", PAGE.into())
        .with_header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}
