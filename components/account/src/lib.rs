//! The account of a person: flows that are rare, so their component is small instead of fast.

mod address;
mod passkeys;
mod password_reset;
mod sign_in;
mod tenant_list;
mod tenants;
mod verification;
mod well_known;

use web::Endpoint;

web::component!(
    Account,
    ENDPOINTS,
    web::serve::Options::calling_outbound(tenancy::mail::sending::schedule_if_written)
);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    password_reset::request::ENDPOINT,
    password_reset::confirm::ENDPOINT,
    sign_in::request::ENDPOINT,
    sign_in::confirm::ENDPOINT,
    verification::request::ENDPOINT,
    verification::confirm::ENDPOINT,
    address::request::ENDPOINT,
    address::confirm::ENDPOINT,
    address::object::ENDPOINT,
    tenant_list::request::ENDPOINT,
    tenant_list::confirm::ENDPOINT,
    tenants::list::ENDPOINT,
    tenants::switch::ENDPOINT,
    passkeys::list::ENDPOINT,
    passkeys::rename::ENDPOINT,
    passkeys::remove::ENDPOINT,
    passkeys::registration::begin::ENDPOINT,
    passkeys::registration::confirm::ENDPOINT,
    passkeys::sign_in::begin::ENDPOINT,
    passkeys::sign_in::confirm::ENDPOINT,
    passkeys::second_factor::begin::ENDPOINT,
    passkeys::second_factor::confirm::ENDPOINT,
    passkeys::second_factor::enrollment::ENDPOINT,
    passkeys::second_factor::confirm_enrollment::ENDPOINT,
    passkeys::recent_sign_in::begin::ENDPOINT,
    passkeys::recent_sign_in::confirm::ENDPOINT,
    well_known::webauthn::ENDPOINT,
];

#[cfg(test)]
mod tests {
    #[test]
    fn paths_have_no_conflict() {
        assert_eq!(web::Router::new(super::ENDPOINTS).check(), [] as [String; 0]);
    }
}
