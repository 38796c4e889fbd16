//! SQL statements on credentials of users: passwords and setup tokens.

use chrono::{DateTime, Utc};
use platform::sql::{Row, SqlError, Statement, Value};
use uuid::Uuid;

use super::rows::{COLUMNS, reach, recorded_for_user, user, within_reach};
use crate::{
    error::Result,
    event::{Entry, outbox},
    mail::{
        insertion::{self, NewMessage, mailed_if},
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    tenant::TenantDb,
    user::{Reach, User},
};

/// A setup token as stored.
pub struct SetupToken {
    /// The SHA-256 hash of the token.
    pub hash: [u8; 32],
    /// When the token expires.
    pub expires_at: DateTime<Utc>,
}

/// A replacement of a password.
pub struct PasswordChange<'a> {
    /// The user.
    pub user: Uuid,
    /// The hash that must still be current, or `None` to replace any password.
    pub from: Option<&'a str>,
    /// The new password as a PHC string, or `None` until the user sets one.
    pub to: Option<&'a str>,
    /// The token that sets the new password.
    pub setup_token: Option<SetupToken>,
    /// The users whose password may be replaced.
    pub(crate) reach: &'a Reach,
    /// The message with the setup token.
    pub(crate) message: Option<NewMessage>,
    /// The notice to the user about a change by the user.
    pub(crate) notice: Option<Notice>,
}

/// A user whose password was replaced.
pub struct Replaced {
    /// The user.
    pub user: User,
    /// Whether the message was added to the outbox.
    pub is_mailed: bool,
}

/// Replaces a password and ends every session and token of the user. Returns `None` if the user does not exist, has a
/// different password by now, or is out of reach.
pub async fn replace_password(
    database: &TenantDb,
    change: PasswordChange<'_>,
    entry: &Entry,
) -> Result<Option<Replaced>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE users
             SET password_hash = :to, setup_token_hash = :token_hash,
                 setup_token_expires_at = :token_expires_at::timestamp AT TIME ZONE 'UTC',
                 version = version + 1, session_epoch = session_epoch + 1
             WHERE id = :id AND (:from::text IS NULL OR password_hash = :from)
               AND {}
             RETURNING *
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'password'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), {}, {}, {}
         SELECT {COLUMNS}, EXISTS (SELECT FROM mailed) AS is_mailed FROM changed",
        within_reach("users"),
        mailed_if("changed"),
        noticed_if("changed", "n.id", Purpose::PasswordChanged, "true"),
        outbox::recorded_if("changed")
    );
    let (token_hash, token_expires_at) = token_values(change.setup_token.as_ref());
    let statement = Statement::new(statement)
        .bind("id", change.user)
        .bind("from", change.from)
        .bind("to", change.to)
        .bind("token_hash", token_hash)
        .bind("token_expires_at", token_expires_at)
        .bind_all(reach(change.reach))
        .bind_all(insertion::bindings(change.message))
        .bind_all(notice::bindings(change.notice))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    let replaced = row.map(|row| -> Result<_, SqlError> {
        Ok(Replaced { user: user(&row)?, is_mailed: row.get("is_mailed")? })
    });
    Ok(replaced.transpose()?)
}

/// The first administrator of a tenant.
pub struct FirstAdministrator<'a> {
    /// The id.
    pub id: Uuid,
    /// The e-mail address.
    pub email: &'a str,
    /// The password as a PHC string.
    pub password_hash: Option<String>,
    /// The token that sets the password, if there is none.
    pub setup_token: Option<SetupToken>,
}

/// Creates the first administrator, or adds this credential to the administrator of an earlier attempt. If that
/// administrator has already used a credential, it stays unchanged, because this attempt is too late.
pub async fn put_first_administrator(
    database: &TenantDb,
    administrator: &FirstAdministrator<'_>,
) -> Result<()> {
    // Calls are serialised: if two wrote the same token concurrently, one would fail.
    let statement = "
        WITH alone AS MATERIALIZED (
            SELECT pg_advisory_xact_lock(hashtextextended('first administrator', 0))
        )
        INSERT INTO users (id, email, role, password_hash, setup_token_hash,
                           setup_token_expires_at)
        SELECT :id::uuid, :email::text, 'admin', :password_hash::text, :token_hash::bytea,
               :token_expires_at::timestamp AT TIME ZONE 'UTC'
        FROM alone
        ON CONFLICT (email) DO UPDATE
        SET password_hash = COALESCE(excluded.password_hash, users.password_hash),
            setup_token_hash = excluded.setup_token_hash,
            setup_token_expires_at = excluded.setup_token_expires_at
        WHERE users.last_login IS NULL AND users.version = 1";
    let (token_hash, token_expires_at) = token_values(administrator.setup_token.as_ref());
    let statement = Statement::new(statement)
        .bind("id", administrator.id)
        .bind("email", administrator.email)
        .bind("password_hash", administrator.password_hash.clone())
        .bind("token_hash", token_hash)
        .bind("token_expires_at", token_expires_at);
    statement.execute(database.connection()).await?;
    Ok(())
}

/// A user with the data for verifying the password.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The password as a PHC string, or `None` until the user sets one.
    pub password_hash: Option<String>,
    /// Whether the user has signed in from the address before.
    pub is_known_address: bool,
    /// Whether the session of the device belongs to the user.
    pub is_known_device: bool,
    /// The second factor that a sign-in needs.
    pub second_factor: NeededFactor,
}

/// The second factor that a sign-in needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededFactor {
    /// None.
    None,
    /// A factor of the user, or a recovery code.
    Factor(OwnedFactors),
    /// The user has no factor, and the rules of the tenant require one.
    Enrollment,
}

/// The kinds of second factors that a user has. At least one is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedFactors {
    /// One-time passwords.
    pub one_time_password: bool,
    /// Passkeys.
    pub passkey: bool,
}

impl OwnedFactors {
    /// Returns the names of the kinds.
    pub fn names(self) -> Vec<&'static str> {
        let kinds = [("one_time_password", self.one_time_password), ("passkey", self.passkey)];
        kinds.into_iter().filter(|(_, is_owned)| *is_owned).map(|(name, _)| name).collect()
    }
}

/// The columns that [`needed_factor`] reads.
pub(super) const NEEDED_FACTOR: &str = "
    EXISTS (SELECT FROM second_factors f WHERE f.user_id = users.id AND f.confirmed_at IS NOT NULL)
        AS has_one_time_password,
    EXISTS (SELECT FROM passkeys p WHERE p.user_id = users.id) AS has_passkey,
    is_second_factor_due(users.role, users.created_at) AS is_factor_due";

pub(super) fn needed_factor(row: &Row) -> Result<NeededFactor, SqlError> {
    let owned = OwnedFactors {
        one_time_password: row.get("has_one_time_password")?,
        passkey: row.get("has_passkey")?,
    };
    Ok(if owned.one_time_password || owned.passkey {
        NeededFactor::Factor(owned)
    } else if row.get("is_factor_due")? {
        NeededFactor::Enrollment
    } else {
        NeededFactor::None
    })
}

/// Returns the second factor that a sign-in of a user needs.
pub async fn find_needed_factor(database: &TenantDb, user: Uuid) -> Result<NeededFactor> {
    let statement = format!("SELECT {NEEDED_FACTOR} FROM users WHERE id = $1");
    let row = database.connection().query_first(&statement, &[user.into()]).await?;
    Ok(row.as_ref().map_or(Ok(NeededFactor::None), needed_factor)?)
}

/// Returns the user with an e-mail address and its password, if there is one.
pub async fn find_credentials(
    database: &TenantDb,
    email: &str,
    address: Option<&str>,
    device: Option<Uuid>,
) -> Result<Option<Credentials>> {
    find_credentials_by(database, "email = $1", email.into(), address, device).await
}

/// Returns the user with an id and its password, if there is one.
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
         ) AS is_known_device, {NEEDED_FACTOR}
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
            second_factor: needed_factor(&row)?,
        })
    });
    Ok(credentials.transpose()?)
}

/// The hash of a token that sets a password.
#[derive(Debug, Clone, Copy)]
pub enum PasswordToken {
    /// A setup token, which an administrator has created.
    Setup([u8; 32]),
    /// A token that was sent to the address of the user for a forgotten password.
    Recovery([u8; 32]),
}

impl PasswordToken {
    fn hash(&self) -> &[u8] {
        match self {
            Self::Setup(hash) | Self::Recovery(hash) => hash,
        }
    }

    /// Returns the condition that the token `:token_hash` is that of the row of `users` at the time `:now`, and the
    /// condition that it proves control of the address. A setup token does so only if it was sent to this address by
    /// mail, because otherwise the API has returned it to its caller, who passes it on.
    fn conditions(self) -> (&'static str, &'static str) {
        match self {
            Self::Setup(_) => (
                "setup_token_hash = :token_hash::bytea
                 AND setup_token_expires_at > :now::timestamp AT TIME ZONE 'UTC'",
                "EXISTS (SELECT FROM mail_messages m WHERE m.user_id = users.id
                         AND m.token_hash = :token_hash::bytea AND m.address = users.email)",
            ),
            Self::Recovery(_) => (
                "EXISTS (SELECT FROM account_tokens t
                         WHERE t.token_hash = :token_hash::bytea AND t.user_id = users.id
                           AND t.purpose = 'password_recovery' AND t.address = users.email
                           AND t.session_epoch = users.session_epoch
                           AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC')",
                "true",
            ),
        }
    }
}

/// Returns the address of the user that a token belongs to, if the token is currently valid.
pub async fn find_address_by_token(
    database: &TenantDb,
    token: PasswordToken,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let (is_valid, _) = token.conditions();
    let statement = format!("SELECT email FROM users WHERE is_active AND {is_valid}");
    let statement = Statement::new(statement).bind("token_hash", token.hash()).bind("now", now);
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("email")).transpose()?)
}

/// The use of a token that sets a password.
pub struct PasswordTokenUse<'a> {
    /// The token.
    pub token: PasswordToken,
    /// The password as a PHC string.
    pub password_hash: &'a str,
    /// The time.
    pub now: DateTime<Utc>,
    /// The notice to the user. It is not about the first password of a user.
    pub(crate) notice: Option<Notice>,
}

/// Sets the password of the user that a token belongs to, and invalidates the token and all others of the user. Of two
/// concurrent calls, only one gets the user, because the first one begins another epoch of sessions and removes the
/// setup token. Returns `None` if the token is no longer valid.
pub async fn use_password_token(
    database: &TenantDb,
    used: PasswordTokenUse<'_>,
    entry: &Entry,
) -> Result<Option<User>> {
    let PasswordTokenUse { token, password_hash, now, notice } = used;
    let (is_valid, is_proof) = token.conditions();
    let statement = format!(
        "WITH changed AS (
             UPDATE users
             SET password_hash = :password_hash, setup_token_hash = NULL,
                 setup_token_expires_at = NULL, version = version + 1,
                 session_epoch = session_epoch + 1, is_verified = is_verified OR {is_proof}
             WHERE is_active AND {is_valid}
             RETURNING *
         ), forgotten AS (
             -- Somebody who has taken over an account and its address must not end the objections of the former one.
             DELETE FROM account_tokens
             WHERE user_id IN (SELECT id FROM changed) AND purpose <> 'address_objection'
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'password'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), {}, {}
         SELECT {COLUMNS} FROM changed",
        noticed_if("changed", "n.id", Purpose::PasswordChanged, "n.last_login IS NOT NULL"),
        recorded_for_user()
    );
    let statement = Statement::new(statement)
        .bind("token_hash", token.hash())
        .bind("password_hash", password_hash)
        .bind("now", now)
        .bind_all(notice::bindings(notice))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.as_ref().map(user).transpose()?)
}

/// Replaces the hash of an unchanged password.
pub async fn replace_hash(database: &TenantDb, id: Uuid, from: &str, to: &str) -> Result<()> {
    let statement = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    database.connection().execute(statement, &[id.into(), from.into(), to.into()]).await?;
    Ok(())
}

/// Returns the values of the two columns of a setup token.
pub(super) fn token_values(token: Option<&SetupToken>) -> (Value, Value) {
    match token {
        Some(token) => (token.hash.as_slice().into(), token.expires_at.into()),
        None => (Value::Null, Value::Null),
    }
}
