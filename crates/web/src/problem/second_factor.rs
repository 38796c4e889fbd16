//! Texts of errors about second factors.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::{error::SecondFactorError as E, second_factor::MOST};

/// Returns the status, code, title and detail.
pub(super) fn describe(error: &E) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    use StatusCode as S;
    match error {
        E::Required(pending) if pending.needs_enrollment => (
            S::UNAUTHORIZED,
            "second_factor_enrollment_required",
            "A second factor must be set up",
            "Your tenant requires a second factor. Set one up with the challenge: \
             POST /api/v1/auth/second-factor/enrollment, or POST /api/v1/account/passkeys/second-factor/enrollment."
                .into(),
        ),
        E::Required(_) => (
            S::UNAUTHORIZED,
            "second_factor_required",
            "A second factor is required",
            "Send the challenge with a code to POST /api/v1/auth/second-factor, or use a passkey: \
             POST /api/v1/account/passkeys/second-factor."
                .into(),
        ),
        E::InvalidChallenge => (
            S::UNAUTHORIZED,
            "invalid_challenge",
            "Not authenticated",
            "The challenge is invalid, answered or expired, or had too many wrong codes. Sign in again.".into(),
        ),
        E::InvalidCode => (
            S::UNAUTHORIZED,
            "invalid_second_factor",
            "Not authenticated",
            "The code is wrong, expired or already used. Send the next code.".into(),
        ),
        E::RecentSignInRequired { .. } => (
            S::UNAUTHORIZED,
            "recent_sign_in_required",
            "A recent sign-in is required",
            "Prove your identity again with POST /api/v1/auth/recent-sign-in, or with a passkey: \
             POST /api/v1/account/passkeys/recent-sign-in. Then repeat the request."
                .into(),
        ),
        E::TooMany => (
            S::CONFLICT,
            "too_many_second_factors",
            "Too many second factors",
            format!("A user can have at most {MOST} second factors. Remove one first.").into(),
        ),
        E::NotFound => (
            S::NOT_FOUND,
            "second_factor_not_found",
            "No such second factor",
            "There is no such second factor.".into(),
        ),
    }
}
