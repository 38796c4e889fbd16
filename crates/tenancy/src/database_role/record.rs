//! The properties of a role.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{access::Scope, input::Text};

/// The privileges of a role on the schema `app`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Reads rows.
    Read,
    /// Reads and writes rows, and calls functions.
    Write,
    /// Also creates, changes and drops tables and other objects.
    Owner,
}

impl Access {
    /// Lists every kind, the weakest first.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Owner];

    /// Returns the name in the catalog and in responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Owner => "owner",
        }
    }

    /// Returns the scope that allows this access and every weaker one.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Read => Scope::DatabaseRead,
            Self::Write => Scope::DatabaseWrite,
            Self::Owner => Scope::DatabaseOwner,
        }
    }

    /// Returns the seconds after which PostgreSQL cancels a statement. The role can set another value.
    pub(super) const fn statement_seconds(self) -> u32 {
        match self {
            Self::Read | Self::Write => 30,
            // Changes of large tables.
            Self::Owner => 600,
        }
    }
}

impl Text for Access {
    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|access| access.as_str() == text);
        found.ok_or_else(|| "must be read, write or owner".to_owned())
    }
}

/// A row of `database_credentials`.
#[derive(Debug, Clone)]
pub struct DatabaseRole {
    /// The id of the credential.
    pub id: Uuid,
    /// The tenant.
    pub tenant: Uuid,
    /// The name of the role.
    pub name: String,
    /// The privileges.
    pub access: Access,
    /// The maximum number of connections.
    pub connections: i32,
    /// The user who requested it, in the version of that time.
    pub user: Option<(Uuid, i64)>,
    /// The API key that requested it.
    pub api_key: Option<Uuid>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

/// The roles of a tenant that end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// One role.
    Credential(Uuid),
    /// The roles that an API key requested.
    ApiKey(Uuid),
    /// The roles that a user requested.
    User(Uuid),
    /// The roles that users requested.
    Users,
    /// All roles.
    Tenant,
    /// The roles that have expired, or whose removal was interrupted.
    Expired,
}

/// A database credential, without its password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DatabaseCredential)]
pub struct DatabaseRoleView<'a> {
    id: Uuid,
    /// The name of the PostgreSQL role.
    #[schema(example = "app_0198c5a8f1e27b6c8a0d3e4f5a6b7c8d")]
    role: &'a str,
    access: Access,
    /// The maximum number of connections at one time.
    connections: i32,
    /// The user who requested it.
    user_id: Option<Uuid>,
    /// The API key that requested it.
    api_key_id: Option<Uuid>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl<'a> From<&'a DatabaseRole> for DatabaseRoleView<'a> {
    fn from(role: &'a DatabaseRole) -> Self {
        Self {
            id: role.id,
            role: &role.name,
            access: role.access,
            connections: role.connections,
            user_id: role.user.map(|(id, _)| id),
            api_key_id: role.api_key,
            created_at: role.created_at,
            expires_at: role.expires_at,
        }
    }
}
