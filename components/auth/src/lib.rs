//! Who are you: signing in, and the people of a tenant.

mod login;
mod profile;
mod setup;
mod users;

use http::Method;
use tenancy::http::Router;

tenancy::component!(routes);

/// The routes of this component.
pub fn routes() -> Router {
    Router::new()
        .public(Method::POST, "/api/v1/auth/login", login::handler)
        .public(Method::POST, "/api/v1/auth/setup", setup::handler)
        .member(Method::GET, "/api/v1/profile", profile::handler)
        .member(Method::POST, "/api/v1/users", users::create::handler)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_route_has_its_line_in_the_table() {
        assert_eq!(super::routes().check(), [] as [String; 0]);
    }
}
