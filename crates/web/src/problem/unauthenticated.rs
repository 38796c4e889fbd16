//! Texts of errors about credentials.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::error::Unauthenticated;

use super::operator_key;

/// Returns the status, code, title and detail.
pub(super) fn describe(
    reason: Unauthenticated,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    let (code, detail) = match reason {
        Unauthenticated::Missing => (
            "authentication_required",
            "A credential is required. Send it in the Authorization header.",
        ),
        Unauthenticated::InvalidToken => ("invalid_token", "The access token is invalid."),
        Unauthenticated::ExpiredToken => ("token_expired", "The access token has expired."),
        Unauthenticated::RevokedToken => {
            ("token_revoked", "The access token was revoked. Sign in again.")
        }
        Unauthenticated::InvalidApiKey => (
            "invalid_api_key",
            "The API key is invalid: it is mistyped, unknown, revoked or expired.",
        ),
        Unauthenticated::InvalidClient => (
            "invalid_client",
            "The client is not authenticated. Send the id of an API key as the client id and the key itself as the \
             client secret.",
        ),
        Unauthenticated::InvalidAdminKey => (
            "invalid_admin_key",
            "The credential is neither the admin key of the platform nor an operator key.",
        ),
        Unauthenticated::InvalidOperatorKey => ("invalid_operator_key", operator_key::INVALID),
    };
    (StatusCode::UNAUTHORIZED, code, "Not authenticated", detail.into())
}
