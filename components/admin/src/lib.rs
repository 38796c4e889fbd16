//! `/admin`: what the platform's operator does.

mod tenants;

use http::Method;
use tenancy::http::Router;
use utoipa::OpenApi;

tenancy::component!(routes);

/// The routes of this component.
pub fn routes() -> Router {
    Router::new()
        .operators_only()
        .operator(Method::POST, "/admin/tenants", tenants::create::handler)
        .operator(Method::GET, "/admin/tenants", tenants::list::handler)
        .operator(Method::GET, "/admin/tenants/{id}", tenants::get::handler)
        .operator(Method::PUT, "/admin/tenants/{id}", tenants::update::put)
        .operator(Method::PATCH, "/admin/tenants/{id}", tenants::update::patch)
        .operator(Method::DELETE, "/admin/tenants/{id}", tenants::delete::handler)
}

/// The documentation of the routes.
#[derive(OpenApi)]
#[openapi(paths(
    tenants::create::handler,
    tenants::list::handler,
    tenants::get::handler,
    tenants::update::put,
    tenants::update::patch,
    tenants::delete::handler,
))]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_has_its_line_in_the_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
