//! Sign-in, sessions, users and API keys of a tenant.

mod api_keys;
mod auth;
mod profile;
mod users;
mod well_known;

use web::Endpoint;

web::component!(
    Auth,
    ENDPOINTS,
    web::serve::Options::calling_outbound(tenancy::mail::sending::schedule_if_written)
);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    well_known::jwks::ENDPOINT,
    auth::login::ENDPOINT,
    auth::setup::ENDPOINT,
    auth::second_factor::answer::ENDPOINT,
    auth::second_factor::enroll::ENDPOINT,
    auth::recent_sign_in::ENDPOINT,
    auth::refresh::ENDPOINT,
    auth::logout::ENDPOINT,
    auth::logout_all::ENDPOINT,
    auth::sessions::list::ENDPOINT,
    auth::sessions::delete::ENDPOINT,
    auth::verify::ENDPOINT,
    auth::verify::BELOW_ROOT,
    auth::verify::BELOW,
    auth::introspect::ENDPOINT,
    auth::revoke::ENDPOINT,
    profile::get::ENDPOINT,
    profile::update::ENDPOINT,
    profile::password::ENDPOINT,
    profile::second_factors::list::ENDPOINT,
    profile::second_factors::begin::ENDPOINT,
    profile::second_factors::confirm::ENDPOINT,
    profile::second_factors::remove::ENDPOINT,
    profile::second_factors::recovery_codes::ENDPOINT,
    users::list::ENDPOINT,
    users::create::ENDPOINT,
    users::get::ENDPOINT,
    users::update::ENDPOINT,
    users::delete::ENDPOINT,
    users::export::ENDPOINT,
    users::erase::ENDPOINT,
    users::reset_password::ENDPOINT,
    users::second_factors::ENDPOINT,
    api_keys::list::ENDPOINT,
    api_keys::create::ENDPOINT,
    api_keys::get::ENDPOINT,
    api_keys::update::ENDPOINT,
    api_keys::delete::ENDPOINT,
    api_keys::rotate::ENDPOINT,
];

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
