//! Users: the people of a tenant, in the tenant's own database.
//!
//! What changes a user also ends what counts no more, in one statement: the version that access
//! tokens carry grows, and sessions end. Redis is told after that.

mod manage;
mod password;
pub mod repo;
mod sign_in;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use manage::{Created, create, delete, update};
pub use password::{change_password, reset_password};
pub use sign_in::{SignedIn, log_out, log_out_everywhere, refresh, set_up, sign_in};

use crate::{
    access::Role,
    credential::Password,
    email::EmailAddress,
    error::Error,
    http::fields::{Patch, Text},
    platform::sql::Value,
    text,
};

/// A user, as answers show it.
#[derive(Debug, Clone, Serialize, ToSchema)]
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
    /// Whether the user has proved control of the address. Setting a password with a setup token is no proof.
    pub is_verified: bool,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_login: Option<DateTime<Utc>>,
    /// Grows when tokens issued before must not count any more.
    #[serde(skip)]
    pub version: i64,
}

/// The refusal to act on a user of a role that is beyond the caller's authority.
fn beyond(role: Role) -> Error {
    match role {
        Role::Admin => Error::AdministratorRequired,
        Role::User | Role::Viewer => Error::ScopeNotHeld { scope: role.grant_scope().as_str() },
    }
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

/// What is to change of a user.
pub struct UserChange {
    /// Its address.
    pub email: Option<EmailAddress>,
    /// A name of its own choosing.
    pub username: Patch<Username>,
    /// Its first name.
    pub first_name: Patch<PersonName>,
    /// Its last name.
    pub last_name: Patch<PersonName>,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may sign in.
    pub is_active: Option<bool>,
}

/// A username: 1 to 64 letters, digits and `. _ -`.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, pattern = "^[\\p{L}\\p{M}\\p{N}\\u200c\\u200d._-]{1,64}$", example = "ursula.1")]
pub struct Username(String);

impl Text for Username {
    fn parse(text: &str) -> Result<Self, String> {
        let name = text::name(text, 64)?;
        if name.chars().all(|char| text::is_word_char(char) || "._-".contains(char)) {
            Ok(Self(name))
        } else {
            Err("must be letters, digits and . _ -".to_owned())
        }
    }
}

impl From<&Username> for Value {
    fn from(name: &Username) -> Self {
        Self::Text(name.0.clone())
    }
}

/// A first or last name: 1 to 100 characters on one line.
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
    fn usernames_of_every_script_are_taken() {
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
    fn names_of_people_have_no_hidden_characters() {
        for text in ["Dr\u{202e}.rM", "Ann\u{200b}a", "\u{feff}Anna", "Anna\n"] {
            let trimmed = text.trim() != text;
            assert_eq!(PersonName::parse(text).is_ok(), trimmed, "{text:?}");
        }
    }
}
