//! `/admin`: the endpoints for the operator of the platform.

mod audit;
mod maintenance;
mod operator_keys;
mod plans;
mod tenants;
mod usage;

use web::Endpoint;

web::component!(
    Admin,
    ENDPOINTS,
    web::serve::Options::calling_outbound(tenancy::mail::sending::schedule)
);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    tenants::create::ENDPOINT,
    tenants::list::ENDPOINT,
    tenants::get::ENDPOINT,
    tenants::update::PUT,
    tenants::update::PATCH,
    tenants::delete::ENDPOINT,
    tenants::stats::ENDPOINT,
    tenants::rotate_key::ENDPOINT,
    tenants::rename::ENDPOINT,
    tenants::former_slugs::list::ENDPOINT,
    tenants::former_slugs::release::ENDPOINT,
    tenants::api_keys::list::ENDPOINT,
    tenants::api_keys::create::ENDPOINT,
    tenants::api_keys::delete::ENDPOINT,
    tenants::users::list::ENDPOINT,
    tenants::users::get::ENDPOINT,
    tenants::users::update::ENDPOINT,
    tenants::files::get_chunk::ENDPOINT,
    tenants::files::put_chunk::ENDPOINT,
    plans::list::ENDPOINT,
    plans::create::ENDPOINT,
    plans::get::ENDPOINT,
    plans::update::PUT,
    plans::update::PATCH,
    plans::delete::ENDPOINT,
    audit::list::ENDPOINT,
    audit::export::ENDPOINT,
    audit::verify::ENDPOINT,
    usage::ENDPOINT,
    maintenance::ENDPOINT,
    operator_keys::list::ENDPOINT,
    operator_keys::create::ENDPOINT,
    operator_keys::get::ENDPOINT,
    operator_keys::update::ENDPOINT,
    operator_keys::delete::ENDPOINT,
    operator_keys::rotate::ENDPOINT,
];

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
