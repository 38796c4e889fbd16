//! The service itself: version, health, metrics and API documentation. Also responds to paths without a route.

mod detailed;
mod docs;
mod live;
mod metrics;
mod openapi;
mod root;

use http::Method;
use utoipa::OpenApi;
use web::Router;

web::component!(Health, routes);

/// Returns the routes of this component.
pub fn routes() -> Router {
    Router::new()
        .public(Method::GET, "/", root::handler)
        .public(Method::GET, "/docs", docs::page)
        .public(Method::GET, "/docs/{file}", docs::asset)
        .public(Method::GET, "/health", live::handler)
        .public(Method::GET, "/health/detailed", detailed::handler)
        .public(Method::GET, "/metrics", metrics::handler)
        .public(Method::GET, "/openapi.json", openapi::handler)
}

/// The OpenAPI documentation of the routes.
#[derive(OpenApi)]
#[openapi(paths(
    root::handler,
    docs::page,
    live::handler,
    detailed::handler,
    metrics::handler,
    openapi::handler
))]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn routes_match_access_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
