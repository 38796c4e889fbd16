//! Texts of errors about permissions, roles and groups.

use std::borrow::Cow;

use http::StatusCode;
use tenancy::error::RoleError;

/// Returns the status, code, title and detail for a caller who grants a scope or a permission without holding it.
pub(super) fn not_held(
    kind: &str,
    name: &str,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    (
        StatusCode::FORBIDDEN,
        "scope_not_held",
        "Not allowed",
        format!(
            "You cannot grant the {kind} {name} because you do not hold it. Ask a tenant administrator to grant it."
        )
        .into(),
    )
}

/// Returns the status, code, title and detail.
pub(super) fn describe(
    error: RoleError,
) -> (StatusCode, &'static str, &'static str, Cow<'static, str>) {
    match error {
        RoleError::PermissionNotFound => (
            StatusCode::NOT_FOUND,
            "permission_not_found",
            "No such permission",
            "The tenant does not define this permission.".into(),
        ),
        RoleError::RoleNotFound => (
            StatusCode::NOT_FOUND,
            "role_not_found",
            "No such role",
            "The tenant has no such custom role.".into(),
        ),
        RoleError::GroupNotFound => (
            StatusCode::NOT_FOUND,
            "group_not_found",
            "No such group",
            "The tenant has no such group.".into(),
        ),
        RoleError::PermissionInUse => (
            StatusCode::CONFLICT,
            "permission_in_use",
            "The permission is in use",
            "API keys have this permission. Revoke them first.".into(),
        ),
        RoleError::TooMany { objects, limit } => (
            StatusCode::CONFLICT,
            "too_many_roles",
            "Too many roles, groups or permissions",
            format!("There are already {limit} {objects}, which is the maximum. Delete one first.").into(),
        ),
        RoleError::TooLarge { limit } => (
            StatusCode::CONFLICT,
            "too_many_roles",
            "Too many roles, groups or permissions",
            format!(
                "The roles, groups and permissions of a tenant have at most {limit} bytes as JSON. Shorten or delete \
                 some first."
            )
            .into(),
        ),
    }
}
