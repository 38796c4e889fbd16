//! Sign-in, sessions, users and API keys of a tenant.

mod api_keys;
mod auth;
mod profile;
mod users;
mod well_known;

use http::Method;
use utoipa::OpenApi;
use web::Router;

web::component!(Auth, routes);

/// Returns the routes of this component.
pub fn routes() -> Router {
    Router::new()
        .public(Method::GET, "/.well-known/jwks.json", well_known::jwks::handler)
        .public(Method::POST, "/api/v1/auth/login", auth::login::handler)
        .public(Method::POST, "/api/v1/auth/setup", auth::setup::handler)
        .public(Method::POST, "/api/v1/auth/refresh", auth::refresh::handler)
        .member(Method::POST, "/api/v1/auth/logout", auth::logout::handler)
        .member(Method::POST, "/api/v1/auth/logout-all", auth::logout_all::handler)
        .member(Method::GET, "/api/v1/auth/sessions", auth::sessions::list::handler)
        .member(Method::DELETE, "/api/v1/auth/sessions/{id}", auth::sessions::delete::handler)
        .member(Method::GET, "/api/v1/auth/verify", auth::verify::handler)
        .member(Method::GET, "/api/v1/auth/verify/", auth::verify::below)
        .member(Method::GET, "/api/v1/auth/verify/{*path}", auth::verify::below)
        .any_method_as_get("/api/v1/auth/verify", auth::verify::preflight)
        .any_method_as_get("/api/v1/auth/verify/", auth::verify::preflight)
        .any_method_as_get("/api/v1/auth/verify/{*path}", auth::verify::preflight)
        .member(Method::POST, "/api/v1/auth/introspect", auth::introspect::handler)
        .member(Method::POST, "/api/v1/auth/revoke", auth::revoke::handler)
        .member(Method::GET, "/api/v1/profile", profile::get::handler)
        .member(Method::PATCH, "/api/v1/profile", profile::update::handler)
        .member(Method::POST, "/api/v1/profile/password", profile::password::handler)
        .member(Method::GET, "/api/v1/users", users::list::handler)
        .member(Method::POST, "/api/v1/users", users::create::handler)
        .member(Method::GET, "/api/v1/users/{id}", users::get::handler)
        .member(Method::PATCH, "/api/v1/users/{id}", users::update::handler)
        .member(Method::DELETE, "/api/v1/users/{id}", users::delete::handler)
        .member(Method::POST, "/api/v1/users/{id}/reset-password", users::reset_password::handler)
        .member(Method::GET, "/api/v1/api-keys", api_keys::list::handler)
        .member(Method::POST, "/api/v1/api-keys", api_keys::create::handler)
        .member(Method::GET, "/api/v1/api-keys/{id}", api_keys::get::handler)
        .member(Method::PATCH, "/api/v1/api-keys/{id}", api_keys::update::handler)
        .member(Method::DELETE, "/api/v1/api-keys/{id}", api_keys::delete::handler)
        .member(Method::POST, "/api/v1/api-keys/{id}/rotate", api_keys::rotate::handler)
}

/// The OpenAPI documentation of the routes.
#[derive(OpenApi)]
#[openapi(paths(
    well_known::jwks::handler,
    auth::login::handler,
    auth::setup::handler,
    auth::refresh::handler,
    auth::logout::handler,
    auth::logout_all::handler,
    auth::sessions::list::handler,
    auth::sessions::delete::handler,
    auth::verify::handler,
    auth::introspect::handler,
    auth::revoke::handler,
    profile::get::handler,
    profile::update::handler,
    profile::password::handler,
    users::list::handler,
    users::create::handler,
    users::get::handler,
    users::update::handler,
    users::delete::handler,
    users::reset_password::handler,
    api_keys::list::handler,
    api_keys::create::handler,
    api_keys::get::handler,
    api_keys::update::handler,
    api_keys::delete::handler,
    api_keys::rotate::handler,
))]
pub struct Documentation;

#[cfg(test)]
mod tests {
    #[test]
    fn routes_match_access_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
