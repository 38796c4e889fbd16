//! Who may do what: the one table that decides it.
//!
//! A route has a line in [`ROUTES`], which says what a caller has to be for it. A role has its
//! scopes in [`Role::scopes`]. Nothing else grants anything.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::http::fields::Text;

/// What a caller has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// The platform's administration, with `ADMIN_API_KEY`.
    Operator,
    /// Somebody of a tenant who has this scope.
    Member(Scope),
}

/// A permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// See one's own profile.
    ProfileRead,
    /// See what the tenant is.
    TenantRead,
    /// Make and change users.
    UsersWrite,
}

impl Scope {
    /// Its name in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProfileRead => "profile:read",
            Self::TenantRead => "tenant:read",
            Self::UsersWrite => "users:write",
        }
    }
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the tenant.
    Admin,
    /// Works in the tenant.
    User,
    /// Looks on.
    Viewer,
}

impl Role {
    /// The scopes of the role.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Admin => &[Scope::ProfileRead, Scope::TenantRead, Scope::UsersWrite],
            Self::User | Self::Viewer => &[Scope::ProfileRead, Scope::TenantRead],
        }
    }

    /// Its name in the database, in tokens and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
            Self::Viewer => "viewer",
        }
    }
}

impl Text for Role {
    fn parse(text: &str) -> Result<Self, String> {
        [Self::Admin, Self::User, Self::Viewer]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "must be admin, user or viewer".to_owned())
    }
}

/// What each route takes.
pub const ROUTES: &[(Method, &str, Access)] = &[
    (Method::GET, "/", Access::Public),
    (Method::GET, "/health", Access::Public),
    (Method::GET, "/health/detailed", Access::Public),
    (Method::POST, "/admin/tenants", Access::Operator),
    (Method::GET, "/admin/tenants", Access::Operator),
    (Method::GET, "/admin/tenants/{id}", Access::Operator),
    (Method::POST, "/api/v1/auth/login", Access::Public),
    (Method::POST, "/api/v1/auth/setup", Access::Public),
    (Method::GET, "/api/v1/profile", Access::Member(Scope::ProfileRead)),
    (Method::POST, "/api/v1/users", Access::Member(Scope::UsersWrite)),
    (Method::GET, "/api/v1/tenant/info", Access::Member(Scope::TenantRead)),
];

/// What a route takes; `None` when it has no line in [`ROUTES`].
pub fn of_route(method: &Method, path: &str) -> Option<Access> {
    ROUTES.iter().find(|line| line.0 == *method && line.1 == path).map(|line| line.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_one_line() {
        for (index, line) in ROUTES.iter().enumerate() {
            let twin =
                ROUTES[index + 1..].iter().find(|other| other.0 == line.0 && other.1 == line.1);
            assert!(twin.is_none(), "{} {}", line.0, line.1);
        }
    }

    #[test]
    fn only_administrators_change_users() {
        let may = |role: Role| role.scopes().contains(&Scope::UsersWrite);
        assert_eq!([Role::Admin, Role::User, Role::Viewer].map(may), [true, false, false]);
    }

    #[test]
    fn the_administration_is_for_operators_alone() {
        let admin = ROUTES.iter().filter(|line| line.1.starts_with("/admin"));
        assert!(admin.clone().count() > 0);
        assert!(admin.clone().all(|line| line.2 == Access::Operator));
    }
}
