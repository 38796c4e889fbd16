//! What is yours: the tenant, as its own people see it.

mod info;

use http::Method;
use tenancy::http::Router;
use utoipa::OpenApi;

tenancy::component!(routes);

/// The routes of this component.
pub fn routes() -> Router {
    Router::new().member(Method::GET, "/api/v1/tenant/info", info::handler)
}

/// The documentation of the routes.
#[derive(OpenApi)]
#[openapi(paths(info::handler))]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_has_its_line_in_the_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
