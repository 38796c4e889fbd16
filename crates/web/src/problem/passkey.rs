//! Texts of errors about passkeys.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::{error::PasskeyError as E, passkey::MOST};

/// Returns the status, code, title and detail.
pub(super) fn describe(error: E) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    use StatusCode as S;
    match error {
        E::NotConfigured => (
            S::CONFLICT,
            "passkeys_not_configured",
            "Passkeys are not set up",
            "Passkeys need a domain. Ask the operator to set PUBLIC_URL or BASE_DOMAIN, or set passkey_domain in the \
             rules of the tenant."
                .into(),
        ),
        E::Invalid => (
            S::UNAUTHORIZED,
            "invalid_passkey",
            "Not authenticated",
            "The passkey is unknown, or the response of its authenticator is invalid, expired or already used. Begin \
             the sign-in again."
                .into(),
        ),
        E::NotFound => (
            S::NOT_FOUND,
            "passkey_not_found",
            "No such passkey",
            "There is no such passkey.".into(),
        ),
        E::TooMany => (
            S::CONFLICT,
            "too_many_passkeys",
            "Too many passkeys",
            format!("A user can have at most {MOST} passkeys. Remove one first.").into(),
        ),
        E::Taken => (
            S::CONFLICT,
            "passkey_taken",
            "The passkey is already registered",
            "This passkey is already registered. Use another authenticator.".into(),
        ),
    }
}
