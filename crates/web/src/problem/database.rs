//! The problems of database credentials.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::error::DatabaseError;

pub(super) fn describe(
    error: DatabaseError,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    match error {
        DatabaseError::NotFound => (
            StatusCode::NOT_FOUND,
            "database_credential_not_found",
            "No such database credential",
            "There is no such database credential. It may have expired.".into(),
        ),
        DatabaseError::LimitReached { name, limit, usage } => (
            StatusCode::CONFLICT,
            "database_limit_reached",
            "A limit of database credentials is reached",
            format!(
                "The plan allows {limit} `{name}`, and {usage} are in use. Revoke a database credential, request fewer \
                 connections, or ask the operator for a larger plan."
            )
            .into(),
        ),
    }
}
