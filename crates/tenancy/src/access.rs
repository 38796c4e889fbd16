//! Authorization: the scopes, and the scopes of each role.
//!
//! An endpoint declares the scope that it requires (`web::endpoint!`). A built-in role has its scopes in
//! [`Role::scopes`]. A tenant defines more roles and permissions of its application ([`Definitions`]). Nothing else
//! grants a permission, and nobody grants more than the own permissions ([`Ceiling`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::input::{FromField, Text};

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

mod ceiling;
mod definitions;
mod grants;
mod operator;

pub use ceiling::Ceiling;
pub use definitions::{
    CustomRole, DefinedPermission, Definitions, Group, Ids, MOST_GROUPS, MOST_OF_ONE,
    MOST_PERMISSIONS, MOST_ROLES,
};
pub use grants::{Grants, Permission};
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
        /// Read the permissions, roles and groups that the tenant defines.
        RolesRead = "roles:read",
        /// Create, update and delete the permissions, roles and groups that the tenant defines.
        RolesWrite = "roles:write",
        /// Get database credentials that read rows.
        DatabaseRead = "database:read",
        /// Get database credentials that read and write rows.
        DatabaseWrite = "database:write",
        /// Get database credentials that also create and change tables.
        DatabaseOwner = "database:owner",
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let grantable = |held: &[Scope]| {
            let ceiling = Ceiling::of([&Grants::of_scopes(held)]);
            Role::ALL.map(|role| ceiling.allows_role(role, &Definitions::default()))
        };
        assert_eq!(grantable(&mailer), [false, false, true]);
        assert_eq!(grantable(&[Scope::UsersWrite]), [false; 3]);
        assert_eq!(grantable(Role::User.scopes()), [false, true, true]);
        assert_eq!(grantable(Scope::ALL), [true; 3]);
        assert_eq!(grantable(&[Scope::UsersGrantAdmin]), [true, false, false]);
    }
}
