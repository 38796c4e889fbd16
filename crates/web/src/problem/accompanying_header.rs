//! The headers of problems.

use http::{HeaderName, HeaderValue, header};
use tenancy::{
    Error,
    error::{AccountError, PasskeyError, SecondFactorError, Unauthenticated},
    session::TWO_FACTORS,
};

/// Returns the header that accompanies some errors: `Allow`, `Retry-After`, or the challenge of RFC 6750.
pub(super) fn of(error: &Error) -> Option<(HeaderName, HeaderValue)> {
    let challenge = |error_code: &str| format!(r#"Bearer realm="tenancy", error="{error_code}""#);
    let (name, value) = match error {
        Error::MethodNotAllowed { allow } => (header::ALLOW, allow.clone()),
        // Distinguishes the coding from the media type (RFC 9110, section 12.5.3).
        Error::UnsupportedContentCoding => (header::ACCEPT_ENCODING, "identity".to_owned()),
        Error::RangeNotSatisfiable { size } => (header::CONTENT_RANGE, format!("bytes */{size}")),
        Error::Unavailable { retry_after, .. } => (header::RETRY_AFTER, retry_after.to_string()),
        Error::TooManyAttempts { retry_after }
        | Error::RateLimited { retry_after }
        | Error::QuotaExceeded { retry_after: Some(retry_after), .. } => {
            (header::RETRY_AFTER, retry_after.to_string())
        }
        Error::Misconfigured(_) => (header::RETRY_AFTER, "60".to_owned()),
        // The challenge for a request without a credential has no error code (RFC 6750, section 3.1).
        Error::Unauthenticated(Unauthenticated::Missing)
        | Error::InvalidCredentials
        | Error::InvalidSetupToken
        | Error::Account(AccountError::InvalidToken)
        | Error::InvalidRefreshToken
        | Error::Passkey(PasskeyError::Invalid)
        | Error::SecondFactor(
            SecondFactorError::Required(_)
            | SecondFactorError::InvalidChallenge
            | SecondFactorError::InvalidCode,
        ) => (header::WWW_AUTHENTICATE, r#"Bearer realm="tenancy""#.to_owned()),
        Error::Unauthenticated(Unauthenticated::InvalidClient) => {
            (header::WWW_AUTHENTICATE, r#"Basic realm="tenancy", charset="UTF-8""#.to_owned())
        }
        Error::Unauthenticated(_) => (header::WWW_AUTHENTICATE, challenge("invalid_token")),
        Error::Forbidden { scope } => (
            header::WWW_AUTHENTICATE,
            format!(r#"{}, scope="{scope}""#, challenge("insufficient_scope")),
        ),
        Error::PermissionRequired { permission } => (
            header::WWW_AUTHENTICATE,
            format!(r#"{}, scope="{permission}""#, challenge("insufficient_scope")),
        ),
        // RFC 9470, section 3.
        Error::SecondFactor(SecondFactorError::RecentSignInRequired {
            max_age,
            needs_second_factor,
        }) => {
            let kind = challenge("insufficient_user_authentication");
            let acr = if *needs_second_factor {
                format!(r#", acr_values="{TWO_FACTORS}""#)
            } else {
                String::new()
            };
            (header::WWW_AUTHENTICATE, format!(r#"{kind}{acr}, max_age="{max_age}""#))
        }
        Error::UnknownScope => (header::WWW_AUTHENTICATE, challenge("insufficient_scope")),
        _ => return None,
    };
    // Scopes and methods come from this program, so the header value is always valid. If it were not, the response
    // would omit the header.
    HeaderValue::from_str(&value).ok().map(|value| (name, value))
}
