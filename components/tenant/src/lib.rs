//! The endpoints for the members of a tenant: files, cache, usage and audit trail.

mod audit;
mod cache;
mod files;
mod info;
mod stats;
mod usage;

use http::Method;
use utoipa::OpenApi;
use web::Router;

web::component!(Tenant, routes);

/// Returns the routes of this component.
pub fn routes() -> Router {
    Router::new()
        .member(Method::GET, "/api/v1/tenant/info", info::handler)
        .member(Method::GET, "/api/v1/tenant/stats", stats::handler)
        .member(Method::GET, "/api/v1/tenant/usage", usage::get::handler)
        .member(Method::POST, "/api/v1/tenant/usage", usage::report::handler)
        .member(Method::GET, "/api/v1/tenant/usage/history", usage::history::handler)
        .member(Method::GET, "/api/v1/tenant/audit", audit::list::handler)
        .member(Method::GET, "/api/v1/tenant/audit/export", audit::export::handler)
        .member(Method::GET, "/api/v1/tenant/audit/verify", audit::verify::handler)
        .member(Method::GET, "/api/v1/files", files::list::handler)
        .member(Method::GET, "/api/v1/files/{*path}", files::get::handler)
        .member(Method::PUT, "/api/v1/files/{*path}", files::put::handler)
        .member(Method::DELETE, "/api/v1/files/{*path}", files::delete::handler)
        .member(Method::DELETE, "/api/v1/cache", cache::clear::handler)
        .member(Method::GET, "/api/v1/cache/{*key}", cache::get::handler)
        .member(Method::PUT, "/api/v1/cache/{*key}", cache::put::handler)
        .member(Method::DELETE, "/api/v1/cache/{*key}", cache::delete::handler)
}

/// The OpenAPI documentation of the routes.
#[derive(OpenApi)]
#[openapi(
    paths(
        info::handler,
        stats::handler,
        usage::get::handler,
        usage::report::handler,
        usage::history::handler,
        audit::list::handler,
        audit::export::handler,
        audit::verify::handler,
        files::list::handler,
        files::get::handler,
        files::put::handler,
        files::delete::handler,
        cache::clear::handler,
        cache::get::handler,
        cache::put::handler,
        cache::delete::handler,
    ),
    components(schemas(
        tenancy::audit::Format,
        tenancy::event::Severity,
        tenancy::usage::history::Format,
        tenancy::quota::repo::Granularity,
    ))
)]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn routes_match_access_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
