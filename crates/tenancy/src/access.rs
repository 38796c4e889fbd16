//! Who may do what: the one table that decides it.
//!
//! A route has a line in [`ROUTES`], which says what a caller has to be for it. A role has its
//! scopes in [`Role::scopes`]. Nothing else grants anything.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::http::fields::{FromField, Text};

/// What a caller has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// The platform's administration, with `ADMIN_API_KEY`.
    Operator,
    /// Whoever has a valid credential of a tenant.
    Authenticated,
    /// A user or an API key of a tenant that has this scope.
    Member(Scope),
    /// A user of a tenant who has this scope: what is their own, no API key has.
    User(Scope),
}

macro_rules! scopes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// A permission.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Scope {
            $($(#[$meta])* #[serde(rename = $name)] $variant),+
        }

        // The derive does not see a name that a macro gives.
        impl PartialSchema for Scope {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some("A permission."))
                    .enum_values(Some([$($name),+]))
                    .into()
            }
        }

        impl ToSchema for Scope {}

        impl Scope {
            /// Every scope.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in tokens and in answers.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }
        }
    };
}

scopes! {
    /// See one's own profile and sessions.
    ProfileRead = "profile:read",
    /// Change one's own profile and password, and end one's own sessions.
    ProfileWrite = "profile:write",
    /// See what the tenant is.
    TenantRead = "tenant:read",
    /// See the tenant's users.
    UsersRead = "users:read",
    /// Make, change and remove users.
    UsersWrite = "users:write",
    /// See the tenant's API keys.
    ApiKeysRead = "api_keys:read",
    /// Make, change, rotate and revoke API keys.
    ApiKeysWrite = "api_keys:write",
    /// Read the tenant's files.
    FilesRead = "files:read",
    /// Write and delete the tenant's files.
    FilesWrite = "files:write",
    /// Read the tenant's cache.
    CacheRead = "cache:read",
    /// Write to the tenant's cache, and clear it.
    CacheWrite = "cache:write",
    /// Report what the tenant uses.
    UsageWrite = "usage:write",
    /// Read the tenant's audit trail.
    AuditRead = "audit:read",
    /// Ask what a token of the tenant says.
    TokensIntrospect = "tokens:introspect",
    /// End the session of a token of the tenant.
    TokensRevoke = "tokens:revoke",
    /// Invite viewers and reset their passwords, without holding the scopes of the role.
    UsersGrantViewer = "users:grant:viewer",
    /// The same of users with the role `user`.
    UsersGrantUser = "users:grant:user",
    /// The same of administrators.
    UsersGrantAdmin = "users:grant:admin",
}

impl Text for Scope {
    fn parse(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|scope| scope.as_str() == text);
        found.copied().ok_or_else(|| format!("must be one of {}", names()))
    }
}

/// Scopes as a request lists them, each once.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = Vec<Scope>)]
pub struct Scopes(pub Vec<Scope>);

impl FromField for Scopes {
    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Array(names) = value else {
            return Err("must be an array of scopes".to_owned());
        };
        let mut scopes = Vec::new();
        for name in names {
            let scope = Scope::from_json(name)?;
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
        Ok(Self(scopes))
    }
}

/// A user's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Admin, Self::User, Self::Viewer];

    /// The scope that delegates the role: its holder may grant the role without holding the scopes of the role.
    pub const fn grant_scope(self) -> Scope {
        match self {
            Self::Admin => Scope::UsersGrantAdmin,
            Self::User => Scope::UsersGrantUser,
            Self::Viewer => Scope::UsersGrantViewer,
        }
    }

    /// Whether a holder of these scopes may grant the role.
    pub fn is_grantable_with(self, held: &[Scope]) -> bool {
        held.contains(&self.grant_scope()) || self.scopes().iter().all(|scope| held.contains(scope))
    }

    /// The scopes of the role.
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
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "must be admin, user or viewer".to_owned())
    }
}

/// What each route takes.
pub const ROUTES: &[(Method, &str, Access)] = &[
    (Method::GET, "/", Access::Public),
    (Method::GET, "/docs", Access::Public),
    (Method::GET, "/docs/{file}", Access::Public),
    (Method::GET, "/health", Access::Public),
    (Method::GET, "/health/detailed", Access::Public),
    (Method::GET, "/metrics", Access::Public),
    (Method::GET, "/openapi.json", Access::Public),
    (Method::GET, "/.well-known/jwks.json", Access::Public),
    (Method::POST, "/admin/tenants", Access::Operator),
    (Method::GET, "/admin/tenants", Access::Operator),
    (Method::GET, "/admin/tenants/{id}", Access::Operator),
    (Method::PUT, "/admin/tenants/{id}", Access::Operator),
    (Method::PATCH, "/admin/tenants/{id}", Access::Operator),
    (Method::DELETE, "/admin/tenants/{id}", Access::Operator),
    (Method::GET, "/admin/tenants/{id}/stats", Access::Operator),
    (Method::POST, "/admin/tenants/{id}/rotate-key", Access::Operator),
    (Method::GET, "/admin/tenants/{id}/api-keys", Access::Operator),
    (Method::POST, "/admin/tenants/{id}/api-keys", Access::Operator),
    (Method::DELETE, "/admin/tenants/{id}/api-keys/{key_id}", Access::Operator),
    (Method::GET, "/admin/plans", Access::Operator),
    (Method::POST, "/admin/plans", Access::Operator),
    (Method::GET, "/admin/plans/{name}", Access::Operator),
    (Method::PUT, "/admin/plans/{name}", Access::Operator),
    (Method::PATCH, "/admin/plans/{name}", Access::Operator),
    (Method::DELETE, "/admin/plans/{name}", Access::Operator),
    (Method::GET, "/admin/audit", Access::Operator),
    (Method::GET, "/admin/audit/export", Access::Operator),
    (Method::GET, "/admin/audit/verify", Access::Operator),
    (Method::GET, "/admin/usage", Access::Operator),
    (Method::POST, "/admin/maintenance", Access::Operator),
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

/// What a route takes; `None` when it has no line in [`ROUTES`].
pub fn of_route(method: &Method, path: &str) -> Option<Access> {
    ROUTES.iter().find(|line| line.0 == *method && line.1 == path).map(|line| line.2)
}

/// Routes that standard OAuth libraries call: a client may authenticate there by HTTP Basic (RFC 6749, section 2.3.1).
const CLIENT_AUTHENTICATION: &[(Method, &str)] =
    &[(Method::POST, "/api/v1/auth/introspect"), (Method::POST, "/api/v1/auth/revoke")];

/// Whether a client may authenticate by HTTP Basic at a route.
pub fn takes_client_authentication(method: &Method, path: &str) -> bool {
    CLIENT_AUTHENTICATION.iter().any(|route| route.0 == *method && route.1 == path)
}

/// What never waits for a quota: ending a session, a key or a user, and changing a password.
const UNMETERED: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/auth/logout"),
    (Method::POST, "/api/v1/auth/logout-all"),
    (Method::DELETE, "/api/v1/auth/sessions/{id}"),
    (Method::POST, "/api/v1/auth/revoke"),
    (Method::POST, "/api/v1/profile/password"),
    (Method::DELETE, "/api/v1/users/{id}"),
    (Method::DELETE, "/api/v1/api-keys/{id}"),
];

/// Whether calls of a route count against the limits of its tenant.
pub fn is_metered(method: &Method, path: &str) -> bool {
    !UNMETERED.iter().any(|route| route.0 == *method && route.1 == path)
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
    fn only_administrators_see_and_change_users_and_keys() {
        for scope in [Scope::UsersRead, Scope::UsersWrite, Scope::ApiKeysRead, Scope::ApiKeysWrite]
        {
            let may = |role: Role| role.scopes().contains(&scope);
            assert_eq!([Role::Admin, Role::User, Role::Viewer].map(may), [true, false, false]);
        }
    }

    // S16
    #[test]
    fn delegated_role_is_the_only_one_granted() {
        let mailer = [Scope::UsersWrite, Scope::UsersGrantViewer];
        let grantable = |held: &[Scope]| Role::ALL.map(|role| role.is_grantable_with(held));
        assert_eq!(grantable(&mailer), [false, false, true]);
        assert_eq!(grantable(&[Scope::UsersWrite]), [false; 3]);
        assert_eq!(grantable(Role::User.scopes()), [false, true, true]);
        assert_eq!(grantable(Scope::ALL), [true; 3]);
        assert_eq!(grantable(&[Scope::UsersGrantAdmin]), [true, false, false]);
    }

    #[test]
    fn the_administration_is_for_operators_alone() {
        let admin = ROUTES.iter().filter(|line| line.1.starts_with("/admin"));
        assert!(admin.clone().count() > 0);
        assert!(admin.clone().all(|line| line.2 == Access::Operator));
    }
}
