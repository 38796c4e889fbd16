//! The statements on `users`. That a sign-in is noted in `last_login` is in `token::session`, as one
//! statement with the session.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{NewUser, User};
use crate::{
    access::Role,
    error::{Error, Result},
    http::fields::Text as _,
    platform::sql::{Row, SqlError, Value},
    tenant::TenantDb,
};

const COLUMNS: &str = "id, email, username, first_name, last_name, role, is_active, is_verified,
    created_at AT TIME ZONE 'UTC' AS created_at, last_login AT TIME ZONE 'UTC' AS last_login,
    version";

/// What sets a password once, as it is kept.
pub struct SetupToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A user's row to be made.
pub struct NewRow<'a> {
    /// Its id.
    pub id: Uuid,
    /// What was asked for.
    pub new: &'a NewUser,
    /// Its password as a PHC string.
    pub password_hash: Option<String>,
    /// What sets the password where there is none.
    pub setup_token: Option<SetupToken>,
}

/// Makes a user.
pub async fn insert(database: &TenantDb, row: &NewRow<'_>) -> Result<User> {
    let statement = format!(
        "INSERT INTO users (id, email, username, first_name, last_name, role, password_hash,
                            setup_token_hash, setup_token_expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::timestamp AT TIME ZONE 'UTC')
         RETURNING {COLUMNS}"
    );
    let (token_hash, token_expires_at) = token_values(row.setup_token.as_ref());
    let parameters: [Value; 9] = [
        row.id.into(),
        row.new.email.as_str().into(),
        row.new.username.as_ref().into(),
        row.new.first_name.as_ref().into(),
        row.new.last_name.as_ref().into(),
        row.new.role.as_str().into(),
        row.password_hash.clone().into(),
        token_hash,
        token_expires_at,
    ];
    match database.connection().query_first(&statement, &parameters).await {
        Ok(Some(row)) => Ok(user(&row)?),
        Ok(None) => Err(Error::internal("a new user was not returned")),
        Err(error) => Err(match error.constraint() {
            Some("users_email_key") => Error::Taken { field: "email", code: "email_taken" },
            Some("users_username_key") => {
                Error::Taken { field: "username", code: "username_taken" }
            }
            _ => error.into(),
        }),
    }
}

/// The first administrator of a tenant.
pub struct FirstAdministrator<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its address.
    pub email: &'a str,
    /// Its password as a PHC string.
    pub password_hash: Option<String>,
    /// What sets the password where there is none.
    pub setup_token: Option<SetupToken>,
}

/// Makes the first administrator, or gives the one of an earlier attempt this credential, too. One
/// who has used a credential is left as it is: then this attempt comes too late.
pub async fn put_first_administrator(
    database: &TenantDb,
    administrator: &FirstAdministrator<'_>,
) -> Result<()> {
    // One call at a time: of two that write the same token at once, one would fail on that.
    let statement = "
        WITH alone AS MATERIALIZED (
            SELECT pg_advisory_xact_lock(hashtextextended('first administrator', 0))
        )
        INSERT INTO users (id, email, role, password_hash, setup_token_hash,
                           setup_token_expires_at)
        SELECT $1::uuid, $2::text, 'admin', $3::text, $4::bytea,
               $5::timestamp AT TIME ZONE 'UTC'
        FROM alone
        ON CONFLICT (email) DO UPDATE
        SET password_hash = COALESCE(excluded.password_hash, users.password_hash),
            setup_token_hash = excluded.setup_token_hash,
            setup_token_expires_at = excluded.setup_token_expires_at
        WHERE users.last_login IS NULL AND NOT users.is_verified";
    let (token_hash, token_expires_at) = token_values(administrator.setup_token.as_ref());
    let parameters: [Value; 5] = [
        administrator.id.into(),
        administrator.email.into(),
        administrator.password_hash.clone().into(),
        token_hash,
        token_expires_at,
    ];
    database.connection().execute(statement, &parameters).await?;
    Ok(())
}

/// A user with what its password is compared with.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Its password as a PHC string; `None` until it has set one.
    pub password_hash: Option<String>,
}

/// The user of an address, with its password; `None` when there is none.
pub async fn find_credentials(database: &TenantDb, email: &str) -> Result<Option<Credentials>> {
    let statement = format!("SELECT {COLUMNS}, password_hash FROM users WHERE email = $1");
    let row = database.connection().query_first(&statement, &[email.into()]).await?;
    row.map(|row| Ok(Credentials { user: user(&row)?, password_hash: row.get("password_hash")? }))
        .transpose()
}

/// The user of an id; `None` when there is none.
pub async fn find(database: &TenantDb, id: Uuid) -> Result<Option<User>> {
    let statement = format!("SELECT {COLUMNS} FROM users WHERE id = $1");
    let row = database.connection().query_first(&statement, &[id.into()]).await?;
    Ok(row.as_ref().map(user).transpose()?)
}

/// The version of a user; `None` when there is none. A user who is deactivated has another one than
/// before.
pub async fn find_version(database: &TenantDb, id: Uuid) -> Result<Option<i64>> {
    let statement = "SELECT version FROM users WHERE id = $1";
    let row = database.connection().query_first(statement, &[id.into()]).await?;
    Ok(row.map(|row| row.get("version")).transpose()?)
}

/// Whether a setup token would set a password now.
pub async fn has_setup_token(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool> {
    let statement = "SELECT FROM users WHERE setup_token_hash = $1 AND is_active
                     AND setup_token_expires_at > $2::timestamp AT TIME ZONE 'UTC'";
    let parameters = [token_hash.as_slice().into(), now.into()];
    Ok(database.connection().query_first(statement, &parameters).await?.is_some())
}

/// Sets the password that a setup token stands for, and uses the token up: of two calls at once,
/// one gets the user. `None` when the token does not count any more.
pub async fn use_setup_token(
    database: &TenantDb,
    token_hash: &[u8; 32],
    password_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<User>> {
    let statement = format!(
        "UPDATE users
         SET password_hash = $2, setup_token_hash = NULL, setup_token_expires_at = NULL,
             is_verified = true, version = version + 1
         WHERE setup_token_hash = $1 AND is_active
           AND setup_token_expires_at > $3::timestamp AT TIME ZONE 'UTC'
         RETURNING {COLUMNS}"
    );
    let parameters = [token_hash.as_slice().into(), password_hash.into(), now.into()];
    let row = database.connection().query_first(&statement, &parameters).await?;
    Ok(row.as_ref().map(user).transpose()?)
}

/// Keeps the same password with another hash, unless it was changed in the meantime.
pub async fn replace_hash(database: &TenantDb, id: Uuid, from: &str, to: &str) -> Result<()> {
    let statement = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    database.connection().execute(statement, &[id.into(), from.into(), to.into()]).await?;
    Ok(())
}

fn token_values(token: Option<&SetupToken>) -> (Value, Value) {
    match token {
        Some(token) => (token.hash.as_slice().into(), token.expires_at.into()),
        None => (Value::Null, Value::Null),
    }
}

fn user(row: &Row) -> Result<User, SqlError> {
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        username: row.get("username")?,
        first_name: row.get("first_name")?,
        last_name: row.get("last_name")?,
        role: Role::parse(&row.get::<String>("role")?)
            .map_err(|_| SqlError::Decode("a user has an impossible role".to_owned()))?,
        is_active: row.get("is_active")?,
        is_verified: row.get("is_verified")?,
        created_at: row.get("created_at")?,
        last_login: row.get("last_login")?,
        version: row.get("version")?,
    })
}
