//! Users: the people of a tenant, in the tenant's own database.

pub mod repo;
mod sign_in;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

pub use sign_in::{SignedIn, set_up, sign_in};

use crate::{
    access::Role,
    credential::Password,
    email::EmailAddress,
    error::Result,
    http::fields::Text,
    platform::sql::Value,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb},
    token::{OpaqueToken, TokenKind},
};

/// A user, as answers show it.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Its address, by which it signs in.
    pub email: String,
    /// A name of its own choosing, unique in its tenant.
    pub username: Option<String>,
    /// Its first name.
    pub first_name: Option<String>,
    /// Its last name.
    pub last_name: Option<String>,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in.
    pub is_active: bool,
    /// Whether it has shown that the address is its own.
    pub is_verified: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_login: Option<DateTime<Utc>>,
    /// Grows when tokens issued before must not count any more.
    #[serde(skip)]
    pub version: i64,
}

/// A user to be made.
pub struct NewUser {
    /// Its address.
    pub email: EmailAddress,
    /// A name of its own choosing.
    pub username: Option<Username>,
    /// Its first name.
    pub first_name: Option<PersonName>,
    /// Its last name.
    pub last_name: Option<PersonName>,
    /// What it may do.
    pub role: Role,
    /// Its password; a setup token is given where it is absent.
    pub password: Option<Password>,
}

/// Makes a user. Without a password it gets a setup token, which is returned with it.
///
/// # Errors
/// [`Error::Taken`](crate::error::Error::Taken) for an address or a username.
pub async fn create(
    tenancy: &Tenancy,
    tenant: &Tenant,
    new: NewUser,
) -> Result<(User, Option<OpaqueToken>)> {
    let random = &*tenancy.platform.random;
    let now = tenancy.platform.clock.now();
    let (password_hash, setup_token) = match &new.password {
        Some(password) => (Some(tenancy.passwords.hash(tenancy, password).await?), None),
        None => (None, Some(OpaqueToken::generate(TokenKind::Setup, tenant.id, random))),
    };
    let database = TenantDb::connect(tenancy, tenant).await?;
    let user = repo::insert(
        &database,
        &repo::NewRow {
            id: random.uuid(now),
            new: &new,
            password_hash,
            setup_token: setup_token.as_ref().map(|token| repo::SetupToken {
                hash: token.hash(),
                expires_at: now + tenancy.settings.setup_token_lifetime,
            }),
        },
    )
    .await?;
    Ok((user, setup_token))
}

/// A username: 1 to 64 letters, digits and `. _ -`.
#[derive(Debug, Clone)]
pub struct Username(String);

impl Text for Username {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let valid = |char: char| char.is_alphanumeric() || "._-".contains(char);
        match text.chars().count() {
            1..=64 if text.chars().all(valid) => Ok(Self(text.to_owned())),
            1..=64 => Err("must be letters, digits and . _ -".to_owned()),
            _ => Err("must have 1 to 64 characters".to_owned()),
        }
    }
}

impl From<&Username> for Value {
    fn from(name: &Username) -> Self {
        Self::Text(name.0.clone())
    }
}

/// A first or last name: 1 to 100 characters on one line.
#[derive(Debug, Clone)]
pub struct PersonName(String);

impl Text for PersonName {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let name = text.trim();
        match name.chars().count() {
            1..=100 if name.chars().any(char::is_control) => {
                Err("must not contain control characters".to_owned())
            }
            1..=100 => Ok(Self(name.to_owned())),
            _ => Err("must have 1 to 100 characters".to_owned()),
        }
    }
}

impl From<&PersonName> for Value {
    fn from(name: &PersonName) -> Self {
        Self::Text(name.0.clone())
    }
}
