//! SQL statements on changes of the own address.

use chrono::{DateTime, Utc};
use platform::sql::{SqlError, Statement, Value};
use uuid::Uuid;

use super::{
    account_tokens::{SLOTS, issued},
    rows::recorded_for_user,
};
use crate::{
    error::{AccountError, Error, Result},
    event::{Entry, outbox},
    mail::{
        insertion::{
            self, IS_KNOWN_NETWORK, NewMessage, TOKEN_IS_CURRENT, has_room, mailed_to_issued,
        },
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    tenant::TenantDb,
};

/// The condition that the holder `n` of an address received no notice about it for a day.
const IS_FIRST_OF_DAY: &str = "NOT EXISTS (
    SELECT FROM mail_messages m WHERE m.user_id = n.id AND m.purpose = 'address_in_use'
      AND m.created_at > :notice_now::timestamp AT TIME ZONE 'UTC' - interval '1 day')";

/// Returns whether a user can change the address so that the former one can object.
pub(crate) async fn can_object(
    database: &TenantDb,
    user: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let statement = "
        SELECT count(*) AS objections FROM account_tokens
        WHERE user_id = $1 AND purpose = 'address_objection' AND expires_at > $2::timestamp AT TIME ZONE 'UTC'";
    let row = database.connection().query_first(statement, &[user.into(), now.into()]).await?;
    let objections: i64 = row.map_or(Ok(0), |row| row.get("objections"))?;
    Ok(objections < SLOTS)
}

/// A request for another address.
pub(crate) struct NewAddress<'a> {
    /// The user.
    pub(crate) user: Uuid,
    /// The address that the user has.
    pub(crate) former: &'a str,
    /// The session of the request.
    pub(crate) session: Uuid,
    /// The network of the request, as text for PostgreSQL.
    pub(crate) network: Option<&'a str>,
    /// The message to the new address.
    pub(crate) message: NewMessage,
    /// The notice to another user with the new address.
    pub(crate) notice: Option<Notice>,
}

/// Adds a token and its message to the new address, and records the event in any case. If another user has the address,
/// this user gets a notice instead, at most once a day.
pub(crate) async fn issue(database: &TenantDb, new: NewAddress<'_>, entry: &Entry) -> Result<()> {
    let statement = format!(
        "WITH holder AS MATERIALIZED (
             SELECT u.id FROM users u WHERE u.email = :mail_address::text
         ), found AS MATERIALIZED (
             SELECT u.id, u.email, :mail_address::text AS address, u.email AS former_address, u.session_epoch, k.is_known
             FROM users u {IS_KNOWN_NETWORK}
             WHERE u.id = :user::uuid AND u.is_active AND u.email = :former::text
               AND NOT EXISTS (SELECT FROM holder) AND {}
         ), {}, {}, {}, recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             VALUES (:entry_id::uuid, :entry_tenant::uuid, :entry::jsonb)
         )
         SELECT",
        has_room(),
        issued(Purpose::AddressChange),
        mailed_to_issued(Purpose::AddressChange),
        noticed_if("holder", "n.id", Purpose::AddressInUse, IS_FIRST_OF_DAY),
    );
    let statement = Statement::new(statement)
        .bind("user", new.user)
        .bind("former", new.former)
        .bind("session", new.session)
        .bind("network", new.network)
        .bind("request_hash", Value::Null)
        .bind("code_hash", Value::Null)
        .bind_all(insertion::bindings(Some(new.message)))
        .bind_all(notice::bindings(new.notice))
        .bind_all(outbox::bindings(entry));
    statement.query_first(database.connection()).await?;
    Ok(())
}

/// A change that a token confirms.
pub(crate) struct Waiting {
    /// The address that the user has.
    pub(crate) former: String,
    /// Whether it is verified.
    pub(crate) is_verified: bool,
}

/// Returns the change that a token confirms. Returns `None` if the token is invalid or expired.
pub(crate) async fn find(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Waiting>> {
    let statement = format!(
        "SELECT u.email, u.is_verified FROM account_tokens t JOIN users u ON u.id = t.user_id AND u.is_active
         WHERE t.token_hash = $1 AND t.purpose = 'address_change'
           AND t.expires_at > $2::timestamp AT TIME ZONE 'UTC' AND {TOKEN_IS_CURRENT}"
    );
    let parameters = [token_hash.as_slice().into(), now.into()];
    let row = database.connection().query_first(&statement, &parameters).await?;
    let waiting = row.map(|row| {
        Ok::<_, SqlError>(Waiting {
            former: row.get("email")?,
            is_verified: row.get("is_verified")?,
        })
    });
    Ok(waiting.transpose()?)
}

/// Gives the user that a token belongs to the new address, which is verified. Other sessions and tokens of the user end. If
/// the former address was verified, it gets the message with an objection, and without one nothing changes. Returns the
/// ended sessions, or `None` if the token is no longer valid.
///
/// # Errors
/// [`AccountError::InvalidToken`] if another user got the address in the meantime.
pub(crate) async fn confirm(
    database: &TenantDb,
    token_hash: &[u8; 32],
    objection: Option<NewMessage>,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<Vec<Uuid>>> {
    let statement = format!(
        "WITH used AS (
             DELETE FROM account_tokens t USING users u
             WHERE t.token_hash = :token_hash::bytea AND t.purpose = 'address_change'
               AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC'
               AND u.id = t.user_id AND u.is_active AND {TOKEN_IS_CURRENT}
               AND (NOT u.is_verified OR u.email = :mail_address::text AND {SLOTS} > (
                    SELECT count(*) FROM account_tokens o
                    WHERE o.user_id = u.id AND o.purpose = 'address_objection'
                      AND o.expires_at > :now::timestamp AT TIME ZONE 'UTC'))
             RETURNING t.user_id, t.address, t.session_id, u.email AS former, u.is_verified
         ), changed AS (
             UPDATE users SET email = used.address, is_verified = true,
                              setup_token_hash = NULL, setup_token_expires_at = NULL
             FROM used WHERE users.id = used.user_id AND users.email = used.former AND users.is_active
             RETURNING users.id, users.session_epoch
         ), issued AS (
             INSERT INTO account_tokens (user_id, purpose, slot, token_hash, address, session_epoch, expires_at)
             SELECT c.id, 'address_objection', s.slot, :mail_token_hash::bytea, used.former, c.session_epoch,
                    :mail_expires_at::timestamp AT TIME ZONE 'UTC'
             FROM changed c CROSS JOIN used CROSS JOIN generate_series(0, {SLOTS} - 1) AS s (slot)
             WHERE used.is_verified AND NOT EXISTS (
                 SELECT FROM account_tokens o
                 WHERE o.user_id = c.id AND o.purpose = 'address_objection' AND o.slot = s.slot
                   AND o.expires_at > :now::timestamp AT TIME ZONE 'UTC')
             ORDER BY s.slot LIMIT 1
             ON CONFLICT (user_id, purpose, slot) DO UPDATE
             SET token_hash = excluded.token_hash, address = excluded.address,
                 session_epoch = excluded.session_epoch, expires_at = excluded.expires_at
             RETURNING user_id, address, false AS is_known
         ), {}, forgotten AS (
             DELETE FROM account_tokens t USING changed c
             WHERE t.user_id = c.id AND t.purpose <> 'address_objection' AND t.token_hash <> :token_hash::bytea
         ), unanswered AS (
             DELETE FROM sign_in_challenges WHERE user_id IN (SELECT id FROM changed)
         ), ended AS (
             UPDATE sessions s SET revoked_at = now(), revoked_reason = 'logout_everywhere'
             FROM used JOIN changed c ON c.id = used.user_id
             WHERE s.user_id = c.id AND s.revoked_at IS NULL AND s.id IS DISTINCT FROM used.session_id
             RETURNING s.id
         ), {}
         SELECT ARRAY(SELECT id::text FROM ended) AS ended FROM changed",
        mailed_to_issued(Purpose::AddressChanged),
        recorded_for_user(),
    );
    let statement = Statement::new(statement)
        .bind("token_hash", token_hash.as_slice())
        .bind("now", now)
        .bind_all(insertion::bindings(objection))
        .bind_all(outbox::bindings(entry));
    let row = match statement.query_first(database.connection()).await {
        Ok(Some(row)) => row,
        Ok(None) => return Ok(None),
        Err(error) if error.constraint() == Some("users_email_key") => {
            return Err(AccountError::InvalidToken.into());
        }
        Err(error) => return Err(error.into()),
    };
    let ended = row.get::<Vec<String>>("ended")?;
    ended.iter().map(|id| id.parse().map_err(Error::internal)).collect::<Result<_>>().map(Some)
}

/// The days for which a former address can object.
pub(crate) const OBJECTION_DAYS: i64 = 7;

/// Returns the address that an objection restores. Returns `None` if its token is invalid or expired.
pub(crate) async fn find_objection(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let statement = "
        SELECT t.address FROM account_tokens t JOIN users u ON u.id = t.user_id AND u.is_active
        WHERE t.token_hash = $1 AND t.purpose = 'address_objection'
          AND t.expires_at > $2::timestamp AT TIME ZONE 'UTC'";
    let parameters = [token_hash.as_slice().into(), now.into()];
    let row = database.connection().query_first(statement, &parameters).await?;
    Ok(row.map(|row| row.get("address")).transpose()?)
}

/// Gives the user that an objection belongs to the former address back, and ends the password, every session and all
/// tokens. Objections to earlier changes stay valid, so nobody who changed the address later can end them. The address
/// gets the message, whose token sets a new password. The second factors that were added since a day before the change are
/// removed. Returns the user with the new version, or `None` if the objection
/// is no longer valid.
///
/// # Errors
/// [`Error::Taken`] if another user has got the address.
pub(crate) async fn restore(
    database: &TenantDb,
    token_hash: &[u8; 32],
    message: NewMessage,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<(Uuid, i64)>> {
    let statement = format!(
        "WITH used AS (
             DELETE FROM account_tokens t USING users u
             WHERE t.token_hash = :token_hash::bytea AND t.purpose = 'address_objection'
               AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC' AND t.address = :mail_address::text
               AND u.id = t.user_id AND u.is_active
             RETURNING t.user_id, t.address, t.expires_at
         ), changed AS (
             UPDATE users SET email = used.address, is_verified = true, password_hash = NULL,
                              setup_token_hash = NULL, setup_token_expires_at = NULL,
                              version = version + 1, session_epoch = session_epoch + 1
             FROM used WHERE users.id = used.user_id AND users.is_active
             RETURNING users.id, users.version, users.session_epoch
         ), issued AS (
             INSERT INTO account_tokens (user_id, purpose, slot, token_hash, address, session_epoch, expires_at)
             SELECT c.id, 'password_recovery', 0, :mail_token_hash::bytea, used.address, c.session_epoch,
                    :mail_expires_at::timestamp AT TIME ZONE 'UTC'
             FROM changed c CROSS JOIN used
             ON CONFLICT (user_id, purpose, slot) DO UPDATE
             SET token_hash = excluded.token_hash, address = excluded.address,
                 session_epoch = excluded.session_epoch, expires_at = excluded.expires_at
             RETURNING user_id, address, false AS is_known
         ), {}, forgotten AS (
             DELETE FROM account_tokens t USING used JOIN changed c ON c.id = used.user_id
             WHERE t.user_id = c.id AND t.token_hash <> :token_hash::bytea
               AND NOT (t.purpose = 'password_recovery' AND t.slot = 0)
               AND NOT (t.purpose = 'address_objection' AND t.expires_at < used.expires_at)
         ), unanswered AS (
             DELETE FROM sign_in_challenges WHERE user_id IN (SELECT id FROM changed)
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'logout_everywhere'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), suspicious AS (
             -- A passkey signs in alone, so whoever changed the address could come back with it.
             SELECT c.id AS user_id, used.expires_at - interval '{OBJECTION_DAYS} days' - interval '1 day' AS since
             FROM changed c JOIN used ON used.user_id = c.id
         ), without_passkeys AS (
             DELETE FROM passkeys p USING suspicious s WHERE p.user_id = s.user_id AND p.created_at > s.since
         ), without_factors AS (
             DELETE FROM second_factors f USING suspicious s WHERE f.user_id = s.user_id AND f.confirmed_at > s.since
         ), without_codes AS (
             DELETE FROM recovery_codes r USING suspicious s
             WHERE r.user_id = s.user_id
               AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = s.user_id AND p.created_at <= s.since)
               AND NOT EXISTS (SELECT FROM second_factors f
                               WHERE f.user_id = s.user_id AND f.confirmed_at <= s.since)
         ), {}
         SELECT id, version FROM changed",
        mailed_to_issued(Purpose::PasswordRecovery),
        recorded_for_user(),
    );
    let statement = Statement::new(statement)
        .bind("token_hash", token_hash.as_slice())
        .bind("now", now)
        .bind_all(insertion::bindings(Some(message)))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await.map_err(super::taken)?;
    Ok(row.map(|row| Ok::<_, SqlError>((row.get("id")?, row.get("version")?))).transpose()?)
}
