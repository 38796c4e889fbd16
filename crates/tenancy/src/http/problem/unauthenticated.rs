//! The words of errors about credentials.

use std::borrow::Cow;

use http::StatusCode;

use super::operator_key;
use crate::error::Unauthenticated;

/// Returns status, code, title and detail.
pub(super) fn describe(
    reason: Unauthenticated,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    let (code, detail) = match reason {
        Unauthenticated::Missing => {
            ("authentication_required", "This takes a credential in the Authorization header.")
        }
        Unauthenticated::InvalidToken => ("invalid_token", "The access token is not valid."),
        Unauthenticated::ExpiredToken => ("token_expired", "The access token has expired."),
        Unauthenticated::RevokedToken => {
            ("token_revoked", "The access token was revoked. Sign in again.")
        }
        Unauthenticated::InvalidApiKey => (
            "invalid_api_key",
            "The API key is not valid: it is mistyped, it was revoked, it expired, or it never was.",
        ),
        Unauthenticated::InvalidClient => (
            "invalid_client",
            "The client is not authenticated. Send the id of an API key as the client id and the key itself as the \
             client secret.",
        ),
        Unauthenticated::InvalidAdminKey => {
            ("invalid_admin_key", "This is not the key of the platform's administration.")
        }
        Unauthenticated::InvalidOperatorKey => ("invalid_operator_key", operator_key::INVALID),
    };
    (StatusCode::UNAUTHORIZED, code, "Not authenticated", detail.into())
}
