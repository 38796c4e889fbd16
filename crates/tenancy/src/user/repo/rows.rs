//! The rows of `users`.

use platform::sql::{Row, SqlError};

use crate::{access::Role, input::Text as _, user::User};

/// The columns that [`user`] reads.
pub(crate) const COLUMNS: &str =
    "id, email, username, first_name, last_name, role, is_active, is_verified,
    created_at AT TIME ZONE 'UTC' AS created_at, last_login AT TIME ZONE 'UTC' AS last_login,
    version";

/// Returns the names of roles in the database.
pub(super) fn role_names(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

/// Reads a user from the columns in [`COLUMNS`].
pub(crate) fn user(row: &Row) -> Result<User, SqlError> {
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        username: row.get("username")?,
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        role: role(&row.get::<String>("role")?)?,
        is_active: row.get("is_active")?,
        is_verified: row.get("is_verified")?,
        created_at: row.get("created_at")?,
        last_login: row.get("last_login")?,
        version: row.get("version")?,
    })
}

pub(super) fn role(name: &str) -> Result<Role, SqlError> {
    Role::parse(name).map_err(|_| SqlError::Decode("a user has an invalid role".to_owned()))
}
