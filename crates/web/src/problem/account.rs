//! Texts of errors about the account of a person.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::error::AccountError as E;

/// Returns the status, code, title and detail.
pub(super) fn describe(error: E) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    use StatusCode as S;
    match error {
        E::InvalidToken => (
            S::UNAUTHORIZED,
            "invalid_mailed_token",
            "Not authenticated",
            "The token or the code is invalid, used or expired. Ask for another message.".into(),
        ),
        E::AddressNotVerified => (
            S::CONFLICT,
            "address_not_verified",
            "Address not verified",
            "Your e-mail address is not verified. Send POST /api/v1/account/verification first.".into(),
        ),
        E::SwitchingNotAllowed => (
            S::FORBIDDEN,
            "switching_not_allowed",
            "Not allowed",
            "The two tenants do not allow this, or you have no account with this verified address there. Sign in there \
             instead."
                .into(),
        ),
        E::MailNotConfigured => (
            S::CONFLICT,
            "mail_not_configured",
            "Mail is not set up",
            "The service sends no mail. Ask a tenant administrator for a setup token.".into(),
        ),
        E::MailedSignInDisabled => (
            S::CONFLICT,
            "mailed_sign_in_disabled",
            "Sign-in by mail is not allowed",
            "The rules of the tenant do not allow sign-ins by mail. Sign in with the password, or ask a tenant \
             administrator to set `mailed_sign_in`."
                .into(),
        ),
        E::TooManyAddressChanges => (
            S::CONFLICT,
            "too_many_address_changes",
            "Too many changes",
            "The address was changed three times within seven days. Try again later, or ask a tenant administrator to \
             change it."
                .into(),
        ),
    }
}
