//! `/admin`: the endpoints for the operator of the platform.

mod audit;
mod maintenance;
mod operator_keys;
mod plans;
mod tenants;
mod usage;

use http::Method;
use utoipa::OpenApi;
use web::Router;

web::component!(Admin, routes);

/// Returns the routes of this component.
pub fn routes() -> Router {
    Router::new()
        .operators_only()
        .operator(Method::POST, "/admin/tenants", tenants::create::handler)
        .operator(Method::GET, "/admin/tenants", tenants::list::handler)
        .operator(Method::GET, "/admin/tenants/{id}", tenants::get::handler)
        .operator(Method::PUT, "/admin/tenants/{id}", tenants::update::put)
        .operator(Method::PATCH, "/admin/tenants/{id}", tenants::update::patch)
        .operator(Method::DELETE, "/admin/tenants/{id}", tenants::delete::handler)
        .operator(Method::GET, "/admin/tenants/{id}/stats", tenants::stats::handler)
        .operator(Method::POST, "/admin/tenants/{id}/rotate-key", tenants::rotate_key::handler)
        .operator(Method::GET, "/admin/tenants/{id}/api-keys", tenants::api_keys::list::handler)
        .operator(Method::POST, "/admin/tenants/{id}/api-keys", tenants::api_keys::create::handler)
        .operator(
            Method::DELETE,
            "/admin/tenants/{id}/api-keys/{key_id}",
            tenants::api_keys::delete::handler,
        )
        .operator(Method::GET, "/admin/plans", plans::list::handler)
        .operator(Method::POST, "/admin/plans", plans::create::handler)
        .operator(Method::GET, "/admin/plans/{name}", plans::get::handler)
        .operator(Method::PUT, "/admin/plans/{name}", plans::update::put)
        .operator(Method::PATCH, "/admin/plans/{name}", plans::update::patch)
        .operator(Method::DELETE, "/admin/plans/{name}", plans::delete::handler)
        .operator(Method::GET, "/admin/audit", audit::list::handler)
        .operator(Method::GET, "/admin/audit/export", audit::export::handler)
        .operator(Method::GET, "/admin/audit/verify", audit::verify::handler)
        .operator(Method::GET, "/admin/usage", usage::handler)
        .operator(Method::POST, "/admin/maintenance", maintenance::handler)
        .operator(Method::GET, "/admin/operator-keys", operator_keys::list::handler)
        .operator(Method::POST, "/admin/operator-keys", operator_keys::create::handler)
        .operator(Method::GET, "/admin/operator-keys/{id}", operator_keys::get::handler)
        .operator(Method::PATCH, "/admin/operator-keys/{id}", operator_keys::update::handler)
        .operator(Method::DELETE, "/admin/operator-keys/{id}", operator_keys::delete::handler)
        .operator(Method::POST, "/admin/operator-keys/{id}/rotate", operator_keys::rotate::handler)
}

/// The OpenAPI documentation of the routes.
#[derive(OpenApi)]
#[openapi(paths(
    tenants::create::handler,
    tenants::list::handler,
    tenants::get::handler,
    tenants::update::put,
    tenants::update::patch,
    tenants::delete::handler,
    tenants::stats::handler,
    tenants::rotate_key::handler,
    tenants::api_keys::list::handler,
    tenants::api_keys::create::handler,
    tenants::api_keys::delete::handler,
    plans::list::handler,
    plans::create::handler,
    plans::get::handler,
    plans::update::put,
    plans::update::patch,
    plans::delete::handler,
    audit::list::handler,
    audit::export::handler,
    audit::verify::handler,
    usage::handler,
    maintenance::handler,
    operator_keys::list::handler,
    operator_keys::create::handler,
    operator_keys::get::handler,
    operator_keys::update::handler,
    operator_keys::delete::handler,
    operator_keys::rotate::handler,
))]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn routes_match_access_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
