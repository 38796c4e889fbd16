//! Texts of errors about operator keys.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::{error::OperatorKeyError, operator_key::MOST};

pub(super) const INVALID: &str = "The operator key is not accepted: it is mistyped, revoked, expired or not allowed \
    from your address, or the request has another credential. The audit trail of the platform has the reason.";

/// Returns the status, code, title and detail.
pub(super) fn describe(
    error: OperatorKeyError,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    match error {
        OperatorKeyError::NotFound => (
            StatusCode::NOT_FOUND,
            "operator_key_not_found",
            "No such operator key",
            "There is no such operator key. List the keys with GET /admin/operator-keys.".into(),
        ),
        OperatorKeyError::TooMany => (
            StatusCode::CONFLICT,
            "too_many_operator_keys",
            "Too many operator keys",
            format!("There are {MOST} operator keys, which is the maximum. Revoke one first.").into(),
        ),
        OperatorKeyError::ScopeNotHeld { scope } => (
            StatusCode::FORBIDDEN,
            "scope_not_held",
            "Not allowed",
            format!(
                "Your operator key does not have the scope {scope}, so it cannot manage keys that have it. Use a key \
                 with this scope."
            )
            .into(),
        ),
        OperatorKeyError::Stronger => (
            StatusCode::FORBIDDEN,
            "stronger_api_key",
            "The operator key exceeds your own",
            "This operator key expires later than your own or is accepted from more networks. Use a key with at least \
             these bounds."
                .into(),
        ),
    }
}
