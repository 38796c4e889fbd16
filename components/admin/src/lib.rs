//! `/admin`: what the platform's operator does.

mod tenants;

use http::Method;
use tenancy::http::Router;

tenancy::component!(routes);

/// The routes of this component.
pub fn routes() -> Router {
    Router::new()
        .operators_only()
        .operator(Method::POST, "/admin/tenants", tenants::create::handler)
        .operator(Method::GET, "/admin/tenants", tenants::list::handler)
        .operator(Method::GET, "/admin/tenants/{id}", tenants::get::handler)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_has_its_line_in_the_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
