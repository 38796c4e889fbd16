//! SQL statements on the tokens that people have asked for by mail.

use chrono::{DateTime, Utc};
use platform::sql::{SqlError, Statement, Value};
use uuid::Uuid;

use super::{
    credentials::{NEEDED_FACTOR, NeededFactor, needed_factor},
    rows::{COLUMNS, recorded_for_user, user},
};
use crate::{
    error::Result,
    event::{Entry, outbox},
    mail::{
        insertion::{
            self, IS_KNOWN_NETWORK, NewMessage, TOKEN_IS_CURRENT, has_room, mailed_to_issued,
        },
        template::Purpose,
    },
    tenant::TenantDb,
    user::User,
};

/// The number of slots of a purpose for requests from the networks of the user. There are as many for all other requests,
/// so strangers cannot prevent messages that the user asks for. A user has one token of a purpose in each slot at one time.
pub(super) const SLOTS: i64 = 3;
/// The number of wrong codes after which the code of a message ends. The link in the message stays valid.
const MOST_FAILURES: i64 = 5;

/// Returns the active user with an e-mail address, if there is one.
pub(crate) async fn find_active(database: &TenantDb, email: &str) -> Result<Option<Uuid>> {
    let statement = "SELECT id FROM users WHERE email = $1 AND is_active";
    let row = database.connection().query_first(statement, &[email.into()]).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}

/// A token that somebody asks for.
pub(crate) struct NewToken<'a> {
    /// The user, if the address is that of one.
    pub(crate) user: Option<Uuid>,
    /// The network of the request, as text for PostgreSQL.
    pub(crate) network: Option<&'a str>,
    /// The purpose.
    pub(crate) purpose: Purpose,
    /// The message with the token.
    pub(crate) message: NewMessage,
    /// The hashes of the request for a sign-in, and of its code.
    pub(crate) code: Option<CodeHashes>,
}

/// The hashes of the request for a sign-in, and of its code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeHashes {
    /// The hash of the request.
    pub(crate) request: [u8; 32],
    /// The hash of the code with the request.
    pub(crate) code: [u8; 32],
}

/// Adds a token and its message, and records the event in any case. Returns `false` if there is no such active user with
/// the address of the message, if the user has the maximum number of valid tokens of the purpose, or if the outbox is
/// full.
pub(crate) async fn issue(database: &TenantDb, new: NewToken<'_>, entry: &Entry) -> Result<bool> {
    let statement = format!(
        "WITH found AS MATERIALIZED (
             SELECT u.id, u.email, u.email AS address, NULL::text AS former_address, u.session_epoch, k.is_known
             FROM users u {IS_KNOWN_NETWORK}
             WHERE u.id = :user::uuid AND u.is_active AND u.email = :mail_address::text AND {}
         ), {}, {}, recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             VALUES (:entry_id::uuid, :entry_tenant::uuid, :entry::jsonb)
         )
         SELECT EXISTS (SELECT FROM issued) AS is_issued",
        has_room(),
        issued(new.purpose),
        mailed_to_issued(new.purpose)
    );
    let hash = |choose: fn(&CodeHashes) -> &[u8; 32]| {
        new.code.as_ref().map_or(Value::Null, |code| choose(code).as_slice().into())
    };
    let statement = Statement::new(statement)
        .bind("user", new.user)
        .bind("network", new.network)
        .bind("session", Value::Null)
        .bind("request_hash", hash(|code| &code.request))
        .bind("code_hash", hash(|code| &code.code))
        .bind_all(insertion::bindings(Some(new.message)))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map_or(Ok(false), |row| row.get("is_issued"))?)
}

/// Returns the CTE `issued`, which adds a token of a purpose for the user in the row of the earlier CTE `found`. It has no
/// row if the user has the maximum number of valid tokens.
pub(super) fn issued(purpose: Purpose) -> String {
    let purpose = purpose.as_str();
    format!(
        "issued AS (
             INSERT INTO account_tokens (user_id, purpose, slot, token_hash, address, former_address, session_epoch,
                                         session_id, request_hash, code_hash, expires_at)
             SELECT f.id, '{purpose}', s.slot, :mail_token_hash::bytea, f.address, f.former_address,
                    f.session_epoch, :session::uuid, :request_hash::bytea, :code_hash::bytea,
                    :mail_expires_at::timestamp AT TIME ZONE 'UTC'
             FROM found f CROSS JOIN generate_series(0, 2 * {SLOTS} - 1) AS s (slot)
             WHERE (s.slot >= {SLOTS}) = f.is_known AND NOT EXISTS (
                 SELECT FROM account_tokens t
                 WHERE t.user_id = f.id AND t.purpose = '{purpose}' AND t.slot = s.slot
                   AND COALESCE(t.former_address, t.address) = f.email AND t.session_epoch = f.session_epoch
                   AND t.expires_at > :mail_now::timestamp AT TIME ZONE 'UTC')
             ORDER BY s.slot LIMIT 1
             -- A concurrent request may have filled the slot.
             ON CONFLICT (user_id, purpose, slot) DO UPDATE
             SET token_hash = excluded.token_hash, address = excluded.address,
                 former_address = excluded.former_address, session_epoch = excluded.session_epoch,
                 session_id = excluded.session_id, request_hash = excluded.request_hash,
                 code_hash = excluded.code_hash, failures = 0, expires_at = excluded.expires_at
             WHERE COALESCE(account_tokens.former_address, account_tokens.address)
                   <> COALESCE(excluded.former_address, excluded.address)
                OR account_tokens.session_epoch <> excluded.session_epoch
                OR account_tokens.expires_at <= :mail_now::timestamp AT TIME ZONE 'UTC'
             RETURNING user_id, address, slot >= {SLOTS} AS is_known
         )"
    )
}

/// The proof of control of an address that a sign-in by mail presents.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignInProof {
    /// The hash of the token in the link.
    Link([u8; 32]),
    /// The hashes of a request and a code.
    Code(CodeHashes),
}

/// Uses a token of a sign-in, verifies the address, and removes all tokens of the user for this purpose. A wrong code
/// counts against its request. Of two concurrent calls, only one gets the user. Returns `None` if the proof is not valid.
pub(crate) async fn use_sign_in(
    database: &TenantDb,
    proof: SignInProof,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<(User, NeededFactor)>> {
    let statement = format!(
        "WITH found AS MATERIALIZED (
             SELECT t.token_hash, t.token_hash = :token_hash OR t.code_hash = :code_hash::bytea AS is_right
             FROM account_tokens t JOIN users u ON u.id = t.user_id AND u.is_active
             WHERE (t.token_hash = :token_hash::bytea
                    OR t.request_hash = :request_hash::bytea AND t.failures < {MOST_FAILURES})
               AND t.purpose = 'sign_in' AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC'
               AND {TOKEN_IS_CURRENT}
             FOR UPDATE OF t
         ), failed AS (
             UPDATE account_tokens t SET failures = failures + 1 FROM found f
             WHERE t.token_hash = f.token_hash AND f.is_right IS NOT TRUE
         ), used AS (
             DELETE FROM account_tokens t USING found f
             WHERE t.token_hash = f.token_hash AND f.is_right
             RETURNING t.user_id, t.address, t.token_hash
         ), changed AS (
             UPDATE users SET is_verified = true FROM used
             WHERE users.id = used.user_id AND users.email = used.address AND users.is_active
             RETURNING users.*
         ), forgotten AS (
             DELETE FROM account_tokens t USING used
             WHERE t.user_id = used.user_id AND t.purpose = 'sign_in' AND t.token_hash <> used.token_hash
         ), {}
         SELECT {COLUMNS}, {NEEDED_FACTOR} FROM changed users",
        recorded_for_user(),
    );
    let (token, code) = match proof {
        SignInProof::Link(hash) => (Some(hash), None),
        SignInProof::Code(code) => (None, Some(code)),
    };
    let bytes = |hash: Option<[u8; 32]>| hash.map_or(Value::Null, |hash| hash.as_slice().into());
    let statement = Statement::new(statement)
        .bind("token_hash", bytes(token))
        .bind("request_hash", bytes(code.map(|code| code.request)))
        .bind("code_hash", bytes(code.map(|code| code.code)))
        .bind("now", now)
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| Ok::<_, SqlError>((user(&row)?, needed_factor(&row)?))).transpose()?)
}

/// Returns the CTE `used`, which removes the token `:token_hash` of a purpose if it is valid at the time `:now`, and has its
/// user and address.
fn used(purpose: Purpose) -> String {
    let purpose = purpose.as_str();
    format!(
        "used AS (
             DELETE FROM account_tokens t USING users u
             WHERE t.token_hash = :token_hash::bytea AND t.purpose = '{purpose}'
               AND t.expires_at > :now::timestamp AT TIME ZONE 'UTC'
               AND u.id = t.user_id AND u.is_active AND {TOKEN_IS_CURRENT}
             RETURNING t.user_id, t.address
         )"
    )
}

/// Removes a token for the list of the tenants of its user, and returns the address that received it. Of two concurrent
/// calls, only one gets it. Returns `None` if the token is no longer valid.
pub(crate) async fn take_tenant_list(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<String>> {
    let statement = format!(
        "WITH {}, changed AS (SELECT user_id AS id FROM used), {}
         SELECT address FROM used",
        used(Purpose::TenantList),
        recorded_for_user()
    );
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
    let statement = format!(
        "WITH {}, changed AS (
            UPDATE users SET is_verified = true FROM used
            WHERE users.id = used.user_id AND users.email = used.address AND users.is_active
            RETURNING users.id
        ), forgotten AS (
            DELETE FROM account_tokens
            WHERE user_id IN (SELECT id FROM changed) AND purpose = 'address_verification'
              AND token_hash <> :token_hash::bytea
        ), {}
        SELECT id FROM changed",
        used(Purpose::AddressVerification),
        recorded_for_user()
    );
    let statement = Statement::new(statement)
        .bind("token_hash", token_hash.as_slice())
        .bind("now", now)
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}
