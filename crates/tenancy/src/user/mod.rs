//! Users: the people of a tenant, stored in the tenant's database.
//!
//! A statement that updates a user also revokes everything that the update makes invalid: it increases the version in
//! access tokens and ends sessions. Redis is updated afterwards.

mod authority;
mod manage;
pub mod repo;
pub mod tenant_list;
pub mod verification;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use authority::{Authority, GrantedIds, GrantedRole, Reach};
pub use manage::{Created, create, delete, set_membership, update, update_profile};

use crate::{
    access::Role,
    credential::Password,
    error::Error,
    identifier::EmailAddress,
    input::{Patch, Text},
    json::JsonText,
    mail::Posting,
    metadata::Metadata,
    text,
};
use platform::sql::Value;

/// A user in responses.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// The id of the user.
    pub id: Uuid,
    /// The e-mail address, with which the user signs in.
    pub email: String,
    /// The username, unique in the tenant.
    pub username: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The built-in role. A user has the permissions of this role, of the custom roles and of the groups.
    pub role: Role,
    /// The ids of the roles of the tenant that the user has.
    pub custom_roles: Vec<Uuid>,
    /// The ids of the groups of the user.
    pub groups: Vec<Uuid>,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// Whether the user has proved control of the e-mail address. A token that was sent to this address by mail is a
    /// proof. A setup token in a response is none.
    pub is_verified: bool,
    /// Data of the application about the user. The user and everyone with `users:read` see them.
    #[schema(value_type = Object)]
    pub public_metadata: JsonText,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// When the user last signed in.
    pub last_login: Option<DateTime<Utc>>,
    /// The version, which increases when earlier access tokens must become invalid.
    #[serde(skip)]
    pub version: i64,
    /// Data of the application about the user, which only operators see: [`OperatorUserView`].
    #[serde(skip)]
    pub private_metadata: JsonText,
}

/// A user in responses to the operator.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorUserView<'a> {
    #[serde(flatten)]
    user: &'a User,
    /// Data of the application about the user, which only operators see.
    #[schema(value_type = Object)]
    private_metadata: &'a JsonText,
}

impl<'a> From<&'a User> for OperatorUserView<'a> {
    fn from(user: &'a User) -> Self {
        Self { user, private_metadata: &user.private_metadata }
    }
}

/// Returns the refusal to act on a user whose role exceeds the caller's authority.
pub(crate) fn beyond(role: Role) -> Error {
    match role {
        Role::Admin => Error::AdministratorRequired,
        Role::User | Role::Viewer => Error::ScopeNotHeld { scope: role.grant_scope().as_str() },
    }
}

/// A user to create.
pub struct NewUser {
    /// The e-mail address.
    pub email: EmailAddress,
    /// The username.
    pub username: Option<Username>,
    /// The first name.
    pub first_name: Option<PersonName>,
    /// The last name.
    pub last_name: Option<PersonName>,
    /// The role.
    pub role: GrantedRole,
    /// The custom roles.
    pub custom_roles: GrantedIds,
    /// The groups.
    pub groups: GrantedIds,
    /// The public metadata.
    pub public_metadata: Metadata,
    /// The password. If it is absent, a setup token is created.
    pub password: Option<Password>,
    /// How the setup token reaches the user.
    pub posting: Posting,
}

/// An update of a user.
pub struct UserChange {
    /// The e-mail address.
    pub email: Option<EmailAddress>,
    /// The username.
    pub username: Patch<Username>,
    /// The first name.
    pub first_name: Patch<PersonName>,
    /// The last name.
    pub last_name: Patch<PersonName>,
    /// The role.
    pub role: Option<GrantedRole>,
    /// All custom roles.
    pub custom_roles: Option<GrantedIds>,
    /// All groups.
    pub groups: Option<GrantedIds>,
    /// One group that the user enters or leaves.
    pub membership: Option<Membership>,
    /// Whether the user may sign in.
    pub is_active: Option<bool>,
    /// Members of the public metadata to replace, or with null to remove.
    pub public_metadata: Option<Metadata>,
    /// Members of the private metadata to replace, or with null to remove.
    pub private_metadata: Option<Metadata>,
}

impl UserChange {
    /// Returns a change without fields.
    pub const NOTHING: Self = Self {
        email: None,
        username: Patch::Keep,
        first_name: Patch::Keep,
        last_name: Patch::Keep,
        role: None,
        custom_roles: None,
        groups: None,
        membership: None,
        is_active: None,
        public_metadata: None,
        private_metadata: None,
    };

    /// Returns whether the permissions of the user change.
    fn changes_permissions(&self) -> bool {
        self.role.is_some()
            || self.custom_roles.is_some()
            || self.groups.is_some()
            || self.membership.is_some()
    }
}

/// Whether a user is a member of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    pub(crate) group: Uuid,
    pub(crate) is_member: bool,
}

/// An update of the names of the calling user.
pub struct ProfileChange {
    /// The username.
    pub username: Patch<Username>,
    /// The first name.
    pub first_name: Patch<PersonName>,
    /// The last name.
    pub last_name: Patch<PersonName>,
}

/// A username: 1 to 64 letters, digits and `. _ -`.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "ursula.1")]
pub struct Username(String);

impl Text for Username {
    fn parse(text: &str) -> Result<Self, String> {
        let name = text::name(text, 64)?;
        if name.chars().all(|char| text::is_word_char(char) || "._-".contains(char)) {
            Ok(Self(name))
        } else {
            Err("must have only letters, digits and . _ -".to_owned())
        }
    }
}

impl From<&Username> for Value {
    fn from(name: &Username) -> Self {
        Self::Text(name.0.clone())
    }
}

/// A first or last name: 1 to 100 characters on a single line.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, example = "Ursula")]
pub struct PersonName(String);

impl Text for PersonName {
    fn parse(text: &str) -> Result<Self, String> {
        text::name(text, 100).map(Self)
    }
}

impl From<&PersonName> for Value {
    fn from(name: &PersonName) -> Self {
        Self::Text(name.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_of_every_script_are_accepted() {
        for (text, expected) in [
            ("ursula.1", "ursula.1"),
            ("Ju\u{308}rgen", "J\u{fc}rgen"),
            ("नरेन्द्र", "नरेन्द्र"),
            ("ไข่", "ไข่"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ] {
            assert_eq!(Username::parse(text).map(|name| name.0), Ok(expected.to_owned()));
        }
        for text in ["", "a b", "a@b", "a\u{202e}b", "a\u{200b}b", "a\u{200c}b", "\u{e48}", "👩"]
        {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn invisible_characters_in_names_are_refused() {
        for text in ["Dr\u{202e}.rM", "Ann\u{200b}a", "\u{feff}Anna", "Anna\n"] {
            let trimmed = text.trim() != text;
            assert_eq!(PersonName::parse(text).is_ok(), trimmed, "{text:?}");
        }
    }
}
