//! The credentials in the headers of a request, and the comparison of secrets.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tenancy::{Error, Result, error::Unauthenticated, secret::Secret};

use super::{Call, Request};

/// The header that carries an API key, as an alternative to `Authorization: Bearer`.
pub(super) const API_KEY_HEADER: &str = "x-api-key";

/// Returns the token of `Authorization: Bearer` (RFC 6750, section 2.1). Returns `None` without the header and for
/// another scheme, because the challenge for such a request has no error (section 3.1).
pub(super) fn bearer_token(request: &Request) -> Result<Option<&str>> {
    let Some(value) = request.header("authorization")? else {
        return Ok(None);
    };
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        // HTTP trims `Bearer ` to `Bearer`: the token is present but empty.
        None if value.eq_ignore_ascii_case("bearer") => Ok(Some("")),
        _ => Ok(None),
    }
}

/// Compares a text with every secret in constant time. Digests have a fixed length, so the comparison does not reveal
/// the length of a secret.
pub(super) fn is_one_of(secrets: &[Secret], given: &str) -> bool {
    let given = Sha256::digest(given.as_bytes());
    secrets
        .iter()
        .fold(subtle::Choice::from(0), |found, secret| {
            found | Sha256::digest(secret.expose().as_bytes()).ct_eq(&given)
        })
        .into()
}

/// Checks that a call has the token of `GET /metrics`. Without the setting, no token is required.
///
/// # Errors
/// [`Error::Unauthenticated`].
pub fn require_metrics_token(call: &Call) -> Result<()> {
    let context = call.context()?;
    let Some(wanted) = &context.settings.metrics_token else { return Ok(()) };
    let given =
        bearer_token(&call.request)?.ok_or(Error::Unauthenticated(Unauthenticated::Missing))?;
    if is_one_of(std::slice::from_ref(wanted), given) {
        Ok(())
    } else {
        Err(Error::Unauthenticated(Unauthenticated::InvalidToken))
    }
}
