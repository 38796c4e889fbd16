//! SQL statements on the tokens that people have asked for by mail.

use chrono::{DateTime, Utc};
use platform::sql::Statement;
use uuid::Uuid;

use crate::{
    error::Result,
    event::{Entry, outbox},
    mail::{
        insertion::{self, NewMessage, has_room, mailed_to_issued},
        template::Purpose,
    },
    tenant::TenantDb,
};

/// The last slot of a purpose. A user has one token of a purpose in each slot at one time.
const LAST_SLOT: i64 = 2;

/// Returns the active user with an e-mail address, if there is one.
pub(crate) async fn find_active(database: &TenantDb, email: &str) -> Result<Option<Uuid>> {
    let statement = "SELECT id FROM users WHERE email = $1 AND is_active";
    let row = database.connection().query_first(statement, &[email.into()]).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}

/// Adds a token and its message, and records the event in any case. Returns `false` if there is no such active user with
/// the address of the message, if the user has the maximum number of valid tokens of the purpose, or if the outbox is
/// full.
pub(crate) async fn issue(
    database: &TenantDb,
    user: Option<Uuid>,
    purpose: Purpose,
    message: NewMessage,
    entry: &Entry,
) -> Result<bool> {
    let name = purpose.as_str();
    let statement = format!(
        "WITH found AS MATERIALIZED (
             SELECT u.id, u.email, u.session_epoch FROM users u
             WHERE u.id = :user::uuid AND u.is_active AND u.email = :mail_address::text AND {}
         ), issued AS (
             INSERT INTO account_tokens (user_id, purpose, slot, token_hash, address, session_epoch, expires_at)
             SELECT f.id, '{name}', s.slot, :mail_token_hash::bytea, f.email, f.session_epoch,
                    :mail_expires_at::timestamp AT TIME ZONE 'UTC'
             FROM found f CROSS JOIN generate_series(0, {LAST_SLOT}) AS s (slot)
             WHERE NOT EXISTS (
                 SELECT FROM account_tokens t
                 WHERE t.user_id = f.id AND t.purpose = '{name}' AND t.slot = s.slot
                   AND t.address = f.email AND t.session_epoch = f.session_epoch
                   AND t.expires_at > :mail_now::timestamp AT TIME ZONE 'UTC')
             ORDER BY s.slot LIMIT 1
             -- A concurrent request may have filled the slot.
             ON CONFLICT (user_id, purpose, slot) DO UPDATE
             SET token_hash = excluded.token_hash, address = excluded.address,
                 session_epoch = excluded.session_epoch, expires_at = excluded.expires_at
             WHERE account_tokens.address <> excluded.address
                OR account_tokens.session_epoch <> excluded.session_epoch
                OR account_tokens.expires_at <= :mail_now::timestamp AT TIME ZONE 'UTC'
             RETURNING user_id, address
         ), {}, recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             VALUES (:entry_id::uuid, :entry_tenant::uuid, :entry::jsonb)
         )
         SELECT EXISTS (SELECT FROM issued) AS is_issued",
        has_room(),
        mailed_to_issued(purpose)
    );
    let statement = Statement::new(statement)
        .bind("user", user)
        .bind_all(insertion::bindings(Some(message)))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map_or(Ok(false), |row| row.get("is_issued"))?)
}

/// Removes a token for the list of the tenants of its user, and returns the address that received it. Of two concurrent
/// calls, only one gets it. Returns `None` if the token is no longer valid.
pub(crate) async fn take_tenant_list(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<String>> {
    let statement = "
        WITH used AS (
            DELETE FROM account_tokens t USING users u
            WHERE t.token_hash = :token_hash::bytea AND t.purpose = 'tenant_list'
              AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC'
              AND u.id = t.user_id AND u.is_active AND u.email = t.address AND u.session_epoch = t.session_epoch
            RETURNING t.user_id AS id, t.address
        ), recorded AS (
            -- Only the token identifies the user.
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT :entry_id::uuid, :entry_tenant::uuid, :entry::jsonb || jsonb_build_object(
                'actor_type', 'user', 'actor_id', id, 'resource_type', 'user', 'resource_id', id)
            FROM used
        )
        SELECT address FROM used";
    let statement = Statement::new(statement)
        .bind("token_hash", token_hash.as_slice())
        .bind("now", now)
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("address")).transpose()?)
}

/// Verifies the address of the user that a token belongs to, and removes the tokens of the user for this purpose. Of two
/// concurrent calls, only one gets the user. Returns `None` if the token is no longer valid.
pub(crate) async fn verify_address(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<Uuid>> {
    let statement = "
        WITH used AS (
            DELETE FROM account_tokens t USING users u
            WHERE t.token_hash = :token_hash::bytea AND t.purpose = 'address_verification'
              AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC'
              AND u.id = t.user_id AND u.is_active AND u.email = t.address AND u.session_epoch = t.session_epoch
            RETURNING t.user_id, t.address
        ), changed AS (
            UPDATE users SET is_verified = true FROM used
            WHERE users.id = used.user_id AND users.email = used.address AND users.is_active
            RETURNING users.id
        ), forgotten AS (
            DELETE FROM account_tokens
            WHERE user_id IN (SELECT id FROM changed) AND purpose = 'address_verification'
              AND token_hash <> :token_hash::bytea
        ), recorded AS (
            -- Only the token identifies the user.
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT :entry_id::uuid, :entry_tenant::uuid, :entry::jsonb || jsonb_build_object(
                'actor_type', 'user', 'actor_id', id, 'resource_type', 'user', 'resource_id', id)
            FROM changed
        )
        SELECT id FROM changed";
    let statement = Statement::new(statement)
        .bind("token_hash", token_hash.as_slice())
        .bind("now", now)
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}
