//! The service itself: what it is, and how it is. It also answers where there is no route.

mod detailed;
mod docs;
mod live;
mod metrics;
mod openapi;
mod root;

use http::Method;
use tenancy::http::Router;
use utoipa::OpenApi;

tenancy::component!(Health, routes);

/// The routes of this component.
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

/// The documentation of the routes.
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
    fn every_route_has_its_line_in_the_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
