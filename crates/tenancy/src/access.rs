//! Authorization: the access table of all routes and the scopes of each role.
//!
//! A route has a line in [`ROUTES`], which states the access that it requires. A role has its scopes in
//! [`Role::scopes`]. Nothing else grants a permission.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::input::{FromField, Text};

/// The access that a route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a credential.
    Public,
    /// An operator key with this scope. `ADMIN_API_KEY` has every scope.
    Operator(OperatorScope),
    /// Any valid credential of a tenant.
    Authenticated,
    /// A user or an API key of a tenant with this scope.
    Member(Scope),
    /// A user of a tenant with this scope. API keys are not accepted, because the route concerns one user's
    /// account.
    User(Scope),
}

macro_rules! scopes {
    (
        $(#[$type_meta:meta])* $scope:ident, $(#[$list_meta:meta])* $list:ident {
            $($(#[$meta:meta])* $variant:ident = $name:literal),+ $(,)?
        }
    ) => {
        $(#[$type_meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $scope {
            $($(#[$meta])* #[serde(rename = $name)] $variant),+
        }

        // The derive does not see a name that comes from a macro.
        impl PartialSchema for $scope {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some("A permission."))
                    .enum_values(Some([$($name),+]))
                    .into()
            }
        }

        impl ToSchema for $scope {}

        impl $scope {
            /// Lists every scope.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name in credentials and in responses.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }

        impl Text for $scope {
            fn parse(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
                found.copied().ok_or_else(|| {
                    let names: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
                    format!("must be one of {}", names.join(", "))
                })
            }
        }

        $(#[$list_meta])*
        #[derive(Debug, Clone, ToSchema)]
        #[schema(value_type = Vec<$scope>)]
        pub struct $list(pub Vec<$scope>);

        impl FromField for $list {
            fn from_json(value: Value) -> Result<Self, String> {
                let Value::Array(names) = value else {
                    return Err("must be an array of scopes".to_owned());
                };
                let mut scopes = Vec::new();
                for name in names {
                    let scope = $scope::from_json(name)?;
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                }
                Ok(Self(scopes))
            }
        }
    };
}

mod operator;

pub use operator::{OperatorScope, OperatorScopes};

scopes! {
    /// A permission.
    Scope,
    /// The scopes of a request, without duplicates.
    Scopes {
        /// Read the caller's own profile and sessions.
        ProfileRead = "profile:read",
        /// Update the caller's own profile and password, and end the caller's own sessions.
        ProfileWrite = "profile:write",
        /// Read the tenant's details, statistics and usage.
        TenantRead = "tenant:read",
        /// Read the tenant's users.
        UsersRead = "users:read",
        /// Create, update and delete users.
        UsersWrite = "users:write",
        /// Read the tenant's API keys.
        ApiKeysRead = "api_keys:read",
        /// Create, update, rotate and revoke API keys.
        ApiKeysWrite = "api_keys:write",
        /// Read the tenant's files.
        FilesRead = "files:read",
        /// Write and delete the tenant's files.
        FilesWrite = "files:write",
        /// Read the tenant's cache.
        CacheRead = "cache:read",
        /// Write to the tenant's cache, and clear it.
        CacheWrite = "cache:write",
        /// Report the tenant's usage.
        UsageWrite = "usage:write",
        /// Read the tenant's audit trail.
        AuditRead = "audit:read",
        /// Introspect tokens of the tenant.
        TokensIntrospect = "tokens:introspect",
        /// Revoke tokens of the tenant: end their sessions.
        TokensRevoke = "tokens:revoke",
        /// Invite viewers and reset their passwords, without holding the scopes of that role.
        UsersGrantViewer = "users:grant:viewer",
        /// Invite users with the role `user` and reset their passwords, without holding the scopes of that role.
        UsersGrantUser = "users:grant:user",
        /// Invite administrators and reset their passwords, without holding the scopes of that role.
        UsersGrantAdmin = "users:grant:admin",
    }
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Manages the tenant.
    Admin,
    /// Reads and writes the tenant's files and cache.
    User,
    /// Reads the tenant's files and cache.
    Viewer,
}

impl Role {
    /// Lists every role.
    pub const ALL: [Self; 3] = [Self::Admin, Self::User, Self::Viewer];

    /// Returns the scope that delegates the role. Its holder may grant the role without holding the scopes of the role.
    pub const fn grant_scope(self) -> Scope {
        match self {
            Self::Admin => Scope::UsersGrantAdmin,
            Self::User => Scope::UsersGrantUser,
            Self::Viewer => Scope::UsersGrantViewer,
        }
    }

    /// Returns whether a holder of these scopes may grant the role.
    pub fn is_grantable_with(self, held: &[Scope]) -> bool {
        held.contains(&self.grant_scope()) || self.scopes().iter().all(|scope| held.contains(scope))
    }

    /// Returns the scopes of the role.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Admin => Scope::ALL,
            Self::User => &[
                Scope::ProfileRead,
                Scope::ProfileWrite,
                Scope::TenantRead,
                Scope::FilesRead,
                Scope::FilesWrite,
                Scope::CacheRead,
                Scope::CacheWrite,
            ],
            Self::Viewer => &[
                Scope::ProfileRead,
                Scope::ProfileWrite,
                Scope::TenantRead,
                Scope::FilesRead,
                Scope::CacheRead,
            ],
        }
    }

    /// Returns the name in the database, in tokens and in responses.
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
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "must be admin, user or viewer".to_owned())
    }
}

/// The access that each route requires.
pub const ROUTES: &[(Method, &str, Access)] = &[
    (Method::GET, "/", Access::Public),
    (Method::GET, "/docs", Access::Public),
    (Method::GET, "/docs/{file}", Access::Public),
    (Method::GET, "/health", Access::Public),
    (Method::GET, "/health/detailed", Access::Public),
    (Method::GET, "/metrics", Access::Public),
    (Method::GET, "/openapi.json", Access::Public),
    (Method::GET, "/.well-known/jwks.json", Access::Public),
    (Method::POST, "/admin/tenants", Access::Operator(OperatorScope::TenantsWrite)),
    (Method::GET, "/admin/tenants", Access::Operator(OperatorScope::TenantsRead)),
    (Method::GET, "/admin/tenants/{id}", Access::Operator(OperatorScope::TenantsRead)),
    (Method::PUT, "/admin/tenants/{id}", Access::Operator(OperatorScope::TenantsWrite)),
    (Method::PATCH, "/admin/tenants/{id}", Access::Operator(OperatorScope::TenantsWrite)),
    (Method::DELETE, "/admin/tenants/{id}", Access::Operator(OperatorScope::TenantsDelete)),
    (Method::GET, "/admin/tenants/{id}/stats", Access::Operator(OperatorScope::TenantsRead)),
    (Method::POST, "/admin/tenants/{id}/rotate-key", Access::Operator(OperatorScope::TenantsWrite)),
    (
        Method::GET,
        "/admin/tenants/{id}/api-keys",
        Access::Operator(OperatorScope::TenantApiKeysRead),
    ),
    (
        Method::POST,
        "/admin/tenants/{id}/api-keys",
        Access::Operator(OperatorScope::TenantApiKeysWrite),
    ),
    (
        Method::DELETE,
        "/admin/tenants/{id}/api-keys/{key_id}",
        Access::Operator(OperatorScope::TenantApiKeysWrite),
    ),
    (Method::GET, "/admin/plans", Access::Operator(OperatorScope::PlansRead)),
    (Method::POST, "/admin/plans", Access::Operator(OperatorScope::PlansWrite)),
    (Method::GET, "/admin/plans/{name}", Access::Operator(OperatorScope::PlansRead)),
    (Method::PUT, "/admin/plans/{name}", Access::Operator(OperatorScope::PlansWrite)),
    (Method::PATCH, "/admin/plans/{name}", Access::Operator(OperatorScope::PlansWrite)),
    (Method::DELETE, "/admin/plans/{name}", Access::Operator(OperatorScope::PlansWrite)),
    (Method::GET, "/admin/audit", Access::Operator(OperatorScope::AuditRead)),
    (Method::GET, "/admin/audit/export", Access::Operator(OperatorScope::AuditRead)),
    (Method::GET, "/admin/audit/verify", Access::Operator(OperatorScope::AuditRead)),
    (Method::GET, "/admin/usage", Access::Operator(OperatorScope::UsageRead)),
    (Method::POST, "/admin/maintenance", Access::Operator(OperatorScope::MaintenanceRun)),
    (Method::GET, "/admin/operator-keys", Access::Operator(OperatorScope::OperatorKeysRead)),
    (Method::POST, "/admin/operator-keys", Access::Operator(OperatorScope::OperatorKeysWrite)),
    (Method::GET, "/admin/operator-keys/{id}", Access::Operator(OperatorScope::OperatorKeysRead)),
    (
        Method::PATCH,
        "/admin/operator-keys/{id}",
        Access::Operator(OperatorScope::OperatorKeysWrite),
    ),
    (
        Method::DELETE,
        "/admin/operator-keys/{id}",
        Access::Operator(OperatorScope::OperatorKeysWrite),
    ),
    (
        Method::POST,
        "/admin/operator-keys/{id}/rotate",
        Access::Operator(OperatorScope::OperatorKeysWrite),
    ),
    (Method::POST, "/api/v1/auth/login", Access::Public),
    (Method::POST, "/api/v1/auth/setup", Access::Public),
    (Method::POST, "/api/v1/auth/refresh", Access::Public),
    (Method::POST, "/api/v1/auth/logout", Access::User(Scope::ProfileWrite)),
    (Method::POST, "/api/v1/auth/logout-all", Access::User(Scope::ProfileWrite)),
    (Method::GET, "/api/v1/auth/sessions", Access::User(Scope::ProfileRead)),
    (Method::DELETE, "/api/v1/auth/sessions/{id}", Access::User(Scope::ProfileWrite)),
    (Method::GET, "/api/v1/auth/verify", Access::Authenticated),
    (Method::GET, "/api/v1/auth/verify/", Access::Authenticated),
    (Method::GET, "/api/v1/auth/verify/{*path}", Access::Authenticated),
    (Method::POST, "/api/v1/auth/introspect", Access::Member(Scope::TokensIntrospect)),
    (Method::POST, "/api/v1/auth/revoke", Access::Member(Scope::TokensRevoke)),
    (Method::GET, "/api/v1/profile", Access::User(Scope::ProfileRead)),
    (Method::PATCH, "/api/v1/profile", Access::User(Scope::ProfileWrite)),
    (Method::POST, "/api/v1/profile/password", Access::User(Scope::ProfileWrite)),
    (Method::GET, "/api/v1/users", Access::Member(Scope::UsersRead)),
    (Method::POST, "/api/v1/users", Access::Member(Scope::UsersWrite)),
    (Method::GET, "/api/v1/users/{id}", Access::Member(Scope::UsersRead)),
    (Method::PATCH, "/api/v1/users/{id}", Access::Member(Scope::UsersWrite)),
    (Method::DELETE, "/api/v1/users/{id}", Access::Member(Scope::UsersWrite)),
    (Method::POST, "/api/v1/users/{id}/reset-password", Access::Member(Scope::UsersWrite)),
    (Method::GET, "/api/v1/api-keys", Access::Member(Scope::ApiKeysRead)),
    (Method::POST, "/api/v1/api-keys", Access::Member(Scope::ApiKeysWrite)),
    (Method::GET, "/api/v1/api-keys/{id}", Access::Member(Scope::ApiKeysRead)),
    (Method::PATCH, "/api/v1/api-keys/{id}", Access::Member(Scope::ApiKeysWrite)),
    (Method::DELETE, "/api/v1/api-keys/{id}", Access::Member(Scope::ApiKeysWrite)),
    (Method::POST, "/api/v1/api-keys/{id}/rotate", Access::Member(Scope::ApiKeysWrite)),
    (Method::GET, "/api/v1/tenant/info", Access::Member(Scope::TenantRead)),
    (Method::GET, "/api/v1/tenant/stats", Access::Member(Scope::TenantRead)),
    (Method::GET, "/api/v1/tenant/usage", Access::Member(Scope::TenantRead)),
    (Method::POST, "/api/v1/tenant/usage", Access::Member(Scope::UsageWrite)),
    (Method::GET, "/api/v1/tenant/usage/history", Access::Member(Scope::TenantRead)),
    (Method::GET, "/api/v1/tenant/audit", Access::Member(Scope::AuditRead)),
    (Method::GET, "/api/v1/tenant/audit/export", Access::Member(Scope::AuditRead)),
    (Method::GET, "/api/v1/tenant/audit/verify", Access::Member(Scope::AuditRead)),
    (Method::GET, "/api/v1/files", Access::Member(Scope::FilesRead)),
    (Method::GET, "/api/v1/files/{*path}", Access::Member(Scope::FilesRead)),
    (Method::PUT, "/api/v1/files/{*path}", Access::Member(Scope::FilesWrite)),
    (Method::DELETE, "/api/v1/files/{*path}", Access::Member(Scope::FilesWrite)),
    (Method::DELETE, "/api/v1/cache", Access::Member(Scope::CacheWrite)),
    (Method::GET, "/api/v1/cache/{*key}", Access::Member(Scope::CacheRead)),
    (Method::PUT, "/api/v1/cache/{*key}", Access::Member(Scope::CacheWrite)),
    (Method::DELETE, "/api/v1/cache/{*key}", Access::Member(Scope::CacheWrite)),
];

/// Returns the access that a route requires; `None` if it has no line in [`ROUTES`].
pub fn of_route(method: &Method, path: &str) -> Option<Access> {
    ROUTES.iter().find(|line| line.0 == *method && line.1 == path).map(|line| line.2)
}

/// The routes that standard OAuth libraries call. A client may authenticate there by HTTP Basic (RFC 6749, section
/// 2.3.1).
const CLIENT_AUTHENTICATION: &[(Method, &str)] =
    &[(Method::POST, "/api/v1/auth/introspect"), (Method::POST, "/api/v1/auth/revoke")];

/// Returns whether a client may authenticate by HTTP Basic at a route.
pub fn takes_client_authentication(method: &Method, path: &str) -> bool {
    CLIENT_AUTHENTICATION.iter().any(|route| route.0 == *method && route.1 == path)
}

/// The routes without a quota: they end a session, a key or a user, or change a password.
const UNMETERED: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/auth/logout"),
    (Method::POST, "/api/v1/auth/logout-all"),
    (Method::DELETE, "/api/v1/auth/sessions/{id}"),
    (Method::POST, "/api/v1/auth/revoke"),
    (Method::POST, "/api/v1/profile/password"),
    (Method::DELETE, "/api/v1/users/{id}"),
    (Method::DELETE, "/api/v1/api-keys/{id}"),
];

/// Returns whether calls of a route count against the limits of its tenant.
pub fn is_metered(method: &Method, path: &str) -> bool {
    !UNMETERED.iter().any(|route| route.0 == *method && route.1 == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_one_line() {
        for (index, line) in ROUTES.iter().enumerate() {
            let twin =
                ROUTES[index + 1..].iter().find(|other| other.0 == line.0 && other.1 == line.1);
            assert!(twin.is_none(), "{} {}", line.0, line.1);
        }
    }

    #[test]
    fn only_administrators_manage_users_and_keys() {
        for scope in [Scope::UsersRead, Scope::UsersWrite, Scope::ApiKeysRead, Scope::ApiKeysWrite]
        {
            let may = |role: Role| role.scopes().contains(&scope);
            assert_eq!([Role::Admin, Role::User, Role::Viewer].map(may), [true, false, false]);
        }
    }

    // S16
    #[test]
    fn grant_scope_delegates_only_its_role() {
        let mailer = [Scope::UsersWrite, Scope::UsersGrantViewer];
        let grantable = |held: &[Scope]| Role::ALL.map(|role| role.is_grantable_with(held));
        assert_eq!(grantable(&mailer), [false, false, true]);
        assert_eq!(grantable(&[Scope::UsersWrite]), [false; 3]);
        assert_eq!(grantable(Role::User.scopes()), [false, true, true]);
        assert_eq!(grantable(Scope::ALL), [true; 3]);
        assert_eq!(grantable(&[Scope::UsersGrantAdmin]), [true, false, false]);
    }

    // S16
    #[test]
    fn admin_routes_require_an_operator_scope() {
        let scope = |access| match access {
            Access::Operator(scope) => Some(scope),
            _ => None,
        };
        for (method, path, access) in ROUTES {
            assert_eq!(scope(*access).is_some(), path.starts_with("/admin"), "{method} {path}");
            let is_read = *method == Method::GET;
            let reads = scope(*access).is_none_or(|scope| scope.as_str().ends_with(":read"));
            assert!(scope(*access).is_none() || is_read == reads, "{method} {path}");
        }
        // A scope that no route requires would grant nothing.
        for wanted in OperatorScope::ALL {
            let mut routes = ROUTES.iter().filter_map(|line| scope(line.2));
            assert!(routes.any(|scope| scope == *wanted), "{}", wanted.as_str());
        }
    }
}
