//! `GET /docs`: the description of the API as a page on which it can be called. All of it comes from
//! here; the page asks nobody else for anything.

mod asset;

pub use asset::handler as asset;
use http::{HeaderValue, header};
use tenancy::{
    Result,
    http::{Call, Response},
};

const PAGE: &str = include_str!("page.html");

/// The page may run its own scripts and call this service, and nothing else. Its styles are in part in
/// its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Shows the API as a page on which it can be called.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "Service",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html")),
)]
pub async fn page(_: Call) -> Result<Response> {
    Ok(Response::bytes("text/html; charset=utf-8", PAGE.into())
        .with_header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}
