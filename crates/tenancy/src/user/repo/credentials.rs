//! The statements on what a user signs in with: passwords, and the tokens that set one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{COLUMNS, role_names, user};
use crate::{
    access::Role,
    audit::{Entry, outbox},
    error::Result,
    platform::sql::{SqlError, Value},
    tenant::TenantDb,
    user::User,
};

/// What sets a password once, as it is kept.
pub struct SetupToken {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A password that is put in the place of another.
pub struct PasswordChange<'a> {
    /// The user.
    pub user: Uuid,
    /// The hash that it must still have; `None` where any may be replaced.
    pub from: Option<&'a str>,
    /// The new password as a PHC string; `None` until the user has set one.
    pub to: Option<&'a str>,
    /// What sets the new one.
    pub setup_token: Option<SetupToken>,
    /// The roles of users whose password may be replaced.
    pub over: &'a [Role],
}

/// Replaces a password and ends every session and token of the user. `None` when there is no such
/// user, it has another password by now, or another role than those.
pub async fn replace_password(
    database: &TenantDb,
    change: &PasswordChange<'_>,
    entry: &Entry,
) -> Result<Option<User>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE users
             SET password_hash = $3, setup_token_hash = $4,
                 setup_token_expires_at = $5::timestamp AT TIME ZONE 'UTC', version = version + 1,
                 session_epoch = session_epoch + 1
             WHERE id = $1 AND ($2::text IS NULL OR password_hash = $2)
               AND role = ANY($9::text[])
             RETURNING *
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'password'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), {}
         SELECT {COLUMNS} FROM changed",
        outbox::noted("changed", 6)
    );
    let (token_hash, token_expires_at) = token_values(change.setup_token.as_ref());
    let [entry_id, entry_tenant, entry] = outbox::parameters(entry);
    let parameters = [
        change.user.into(),
        change.from.into(),
        change.to.into(),
        token_hash,
        token_expires_at,
        entry_id,
        entry_tenant,
        entry,
        role_names(change.over).into(),
    ];
    let row = database.connection().query_first(&statement, &parameters).await?;
    Ok(row.as_ref().map(user).transpose()?)
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
        WHERE users.last_login IS NULL AND users.version = 1";
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
    /// Whether it has signed in from the address before.
    pub is_known_address: bool,
    /// Whether the session that the device shows is one of its own.
    pub is_known_device: bool,
}

/// The user of an e-mail address, with its password; `None` when there is none.
pub async fn find_credentials(
    database: &TenantDb,
    email: &str,
    address: Option<&str>,
    device: Option<Uuid>,
) -> Result<Option<Credentials>> {
    find_credentials_by(database, "email = $1", email.into(), address, device).await
}

/// The user of an id, with its password; `None` when there is none.
pub async fn find_own_credentials(
    database: &TenantDb,
    id: Uuid,
    address: Option<&str>,
) -> Result<Option<Credentials>> {
    find_credentials_by(database, "id = $1", id.into(), address, None).await
}

async fn find_credentials_by(
    database: &TenantDb,
    condition: &str,
    value: Value,
    address: Option<&str>,
    device: Option<Uuid>,
) -> Result<Option<Credentials>> {
    let statement = format!(
        "SELECT {COLUMNS}, password_hash, EXISTS (
             SELECT FROM sessions s
             WHERE s.user_id = users.id AND s.address::inet <<= $2::text::inet
         ) AS is_known_address, EXISTS (
             SELECT FROM sessions s WHERE s.id = $3 AND s.user_id = users.id
         ) AS is_known_device
         FROM users WHERE {condition}"
    );
    let parameters = [value, address.into(), device.into()];
    let row = database.connection().query_first(&statement, &parameters).await?;
    let credentials = row.map(|row| -> Result<Credentials, SqlError> {
        Ok(Credentials {
            user: user(&row)?,
            password_hash: row.get("password_hash")?,
            is_known_address: row.get("is_known_address")?,
            is_known_device: row.get("is_known_device")?,
        })
    });
    Ok(credentials.transpose()?)
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
/// one gets the user. `None` when the token is no longer valid. The token is no proof of control of the user's address:
/// the API returns it to its caller, and callers pass it on by hand.
pub async fn use_setup_token(
    database: &TenantDb,
    token_hash: &[u8; 32],
    password_hash: &str,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<User>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE users
             SET password_hash = $2, setup_token_hash = NULL, setup_token_expires_at = NULL,
                 version = version + 1, session_epoch = session_epoch + 1
             WHERE setup_token_hash = $1 AND is_active
               AND setup_token_expires_at > $3::timestamp AT TIME ZONE 'UTC'
             RETURNING *
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'password'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), noted AS (
             -- Who sets it is known by the token alone.
             INSERT INTO audit_outbox (id, tenant_id, entry)
             SELECT $4::uuid, $5::uuid, $6::jsonb || jsonb_build_object(
                 'actor_type', 'user', 'actor_id', id, 'resource_type', 'user', 'resource_id', id)
             FROM changed
         )
         SELECT {COLUMNS} FROM changed"
    );
    let [entry_id, entry_tenant, entry] = outbox::parameters(entry);
    let parameters = [
        token_hash.as_slice().into(),
        password_hash.into(),
        now.into(),
        entry_id,
        entry_tenant,
        entry,
    ];
    let row = database.connection().query_first(&statement, &parameters).await?;
    Ok(row.as_ref().map(user).transpose()?)
}

/// Keeps the same password with another hash, unless it was changed in the meantime.
pub async fn replace_hash(database: &TenantDb, id: Uuid, from: &str, to: &str) -> Result<()> {
    let statement = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    database.connection().execute(statement, &[id.into(), from.into(), to.into()]).await?;
    Ok(())
}

/// The values of the two columns of a setup token.
pub(super) fn token_values(token: Option<&SetupToken>) -> (Value, Value) {
    match token {
        Some(token) => (token.hash.as_slice().into(), token.expires_at.into()),
        None => (Value::Null, Value::Null),
    }
}
