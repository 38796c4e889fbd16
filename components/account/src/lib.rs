//! The account of a person: flows that are rare, so their component is small instead of fast.

mod passkeys;
mod password_reset;
mod verification;
mod well_known;

use web::Endpoint;

web::component!(Account, ENDPOINTS);

/// The endpoints of this component.
pub const ENDPOINTS: &[Endpoint] = &[
    password_reset::request::ENDPOINT,
    password_reset::confirm::ENDPOINT,
    verification::request::ENDPOINT,
    verification::confirm::ENDPOINT,
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
