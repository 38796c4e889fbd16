//! Sessions: families of refresh tokens, stored in the tenant's database. The last token of a family is valid. Reuse of
//! an earlier one ends the family.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use platform::sql::{Row, Rows, SqlError, Statement};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    mail::{
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    tenant::TenantDb,
    token::RefreshToken,
    user::{User, repo},
};

/// The age of the proof of identity of a session that began without one. It exceeds each age that a rule accepts.
const NOT_RECENT: TimeDelta = TimeDelta::days(2);
/// The number of days after which ended and expired sessions are deleted.
const KEPT_DAYS: i64 = 30;
/// The maximum number of sessions of a user at one time.
const MOST: i32 = 50;
/// The maximum number of devices of a user that are stored. The last device always stays.
const MOST_DEVICES: i32 = 20;
/// The condition that the device of a sign-in of the user `n` is new, and not the first one of the account.
const IS_NEW_DEVICE: &str = "
    EXISTS (SELECT FROM user_devices d WHERE d.user_id = n.id)
    AND NOT EXISTS (SELECT FROM user_devices d WHERE d.user_id = n.id AND d.device_hash = :device::bytea)
    AND (SELECT s.new_device_notices FROM mail_settings s)";
/// The maximum number of generations of refresh tokens that one use skips.
const MOST_GENERATIONS: i64 = 10_000;
/// The number of generations that a use may not see yet, because others issued them while it waited.
const UNSEEN_GENERATIONS: i64 = 16;

/// A session that begins with a sign-in.
pub struct NewSession<'a> {
    /// The id of the session.
    pub id: Uuid,
    /// The user who signed in.
    pub user: Uuid,
    /// The first refresh token of the session.
    pub token: &'a RefreshToken,
    /// The client's user agent.
    pub user_agent: Option<&'a str>,
    /// The client's address.
    pub address: Option<String>,
    /// The time of the sign-in.
    pub now: DateTime<Utc>,
    /// When the session expires if it is not used.
    pub expires_at: DateTime<Utc>,
    /// The proof of identity.
    pub proof: Proof,
    /// The sign of the device.
    pub device: [u8; 32],
    /// The notice to the user if the device is new to the account.
    pub(crate) notice: Option<Notice>,
}

/// A session that has begun.
pub struct Begun {
    /// The sessions that ended because the user has too many.
    pub ended: Vec<Uuid>,
    /// Whether the outbox of mail has a notice about the device.
    pub is_noticed: bool,
}

/// The proof of identity with which a session begins.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// A password or a setup token. It is not enough for a user with a second factor.
    OneFactor,
    /// A second factor in addition.
    TwoFactors,
    /// The factors of an earlier session of the user.
    Session(Uuid),
    /// A session of the same person in the tenant with this id. It is no proof of identity for changes that need a recent
    /// one: the other tenant could have begun it.
    OtherTenant(Uuid),
}

/// A session of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// The id of the session.
    pub id: Uuid,
    /// The client's user agent at the sign-in.
    pub user_agent: Option<String>,
    /// The client's address at the sign-in.
    pub address: Option<String>,
    /// When the session began.
    pub created_at: DateTime<Utc>,
    /// When the session last received an access token.
    pub last_used_at: DateTime<Utc>,
    /// When the session expires if it is not used.
    pub expires_at: DateTime<Utc>,
    /// Whether the request belongs to this session.
    pub is_current: bool,
}

/// The reason why a session ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// Its user signs out.
    Logout,
    /// An administrator or a service revokes it.
    Admin,
}

impl End {
    fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Admin => "admin",
        }
    }
}

/// Begins a session and records the sign-in and its device, in one statement. Returns `None` and writes nothing if the user was deleted or deactivated, or received another password or a
/// second factor, in the meantime.
///
/// # Errors
/// [`Error::NetworkNotAllowed`].
pub async fn begin(
    database: &TenantDb,
    session: NewSession<'_>,
    user_version: i64,
    entry: &Entry,
) -> Result<Option<Begun>> {
    let statement = format!(
        "WITH factors AS MATERIALIZED (
             SELECT :has_second_factor::boolean OR e.id IS NOT NULL AS are_two,
                    COALESCE(e.authenticated_at, e.created_at,
                             :authenticated_at::timestamp AT TIME ZONE 'UTC') AS proven_at,
                    lock_user(:user) AS must_be_two, is_network_allowed(:address::text) AS is_allowed,
             (SELECT LEAST({MOST}, max_sessions) FROM security_policy) AS most
             -- A password does not renew the proof of a second factor.
             FROM (VALUES (true)) AS always LEFT JOIN sessions e
                  ON e.id = :earlier::uuid AND e.user_id = :user AND e.has_second_factor
         ), ended AS MATERIALIZED (
             SELECT e.id FROM factors CROSS JOIN LATERAL end_oldest_sessions(
                 CASE WHEN is_allowed AND (are_two OR NOT must_be_two) THEN :user::uuid END, :user_version, most) AS e (id)
         ), signed_in AS (
             UPDATE users SET last_login = :now::timestamp AT TIME ZONE 'UTC'
             FROM factors
             WHERE id = :user AND is_active AND version = :user_version
               AND (SELECT count(*) FROM ended) >= 0 AND is_allowed AND (are_two OR NOT must_be_two)
             RETURNING id, session_epoch, are_two, proven_at
         ), forgotten AS (
             DELETE FROM sessions
             WHERE user_id = :user AND expires_at < now() - make_interval(days => {KEPT_DAYS})
         ), begun AS (
             INSERT INTO sessions (id, user_id, session_epoch, token_hash, user_agent, address,
                                   created_at, expires_at, has_second_factor, authenticated_at)
             SELECT :id::uuid, id, session_epoch, :token_hash::bytea, left(:user_agent::text, 512),
                    left(:address::text, 64), :now AT TIME ZONE 'UTC',
                    {expires_at}, are_two, proven_at
             FROM signed_in
         ), used_device AS (
             INSERT INTO user_devices (user_id, device_hash, created_at, last_used_at)
             SELECT id, :device::bytea, :now AT TIME ZONE 'UTC', :now AT TIME ZONE 'UTC' FROM signed_in
             ON CONFLICT (user_id, device_hash) DO UPDATE SET last_used_at = excluded.last_used_at
         ), forgotten_devices AS (
             DELETE FROM user_devices
             WHERE user_id IN (SELECT id FROM signed_in) AND device_hash IN (
                 SELECT d.device_hash FROM user_devices d
                 WHERE d.user_id = :user AND d.device_hash <> :device::bytea
                 ORDER BY d.last_used_at DESC OFFSET {MOST_DEVICES} - 1)
         ), {}, {}
         SELECT is_allowed, EXISTS (SELECT FROM signed_in) AS is_begun,
                EXISTS (SELECT FROM noticed) AS is_noticed, ARRAY(SELECT id::text FROM ended) AS ended FROM factors",
        noticed_if("signed_in", "n.id", Purpose::NewDevice, IS_NEW_DEVICE),
        outbox::recorded_if("signed_in"),
        expires_at = expiry("(:now AT TIME ZONE 'UTC')"),
    );
    let (has_second_factor, earlier, authenticated_at) = match session.proof {
        Proof::OneFactor => (false, None, None),
        Proof::TwoFactors => (true, None, None),
        Proof::Session(earlier) => (false, Some(earlier), None),
        Proof::OtherTenant(_) => (false, None, Some(session.now - NOT_RECENT)),
    };
    let statement = Statement::new(statement)
        .bind("has_second_factor", has_second_factor)
        .bind("earlier", earlier)
        .bind("authenticated_at", authenticated_at)
        .bind("id", session.id)
        .bind("user", session.user)
        .bind("token_hash", session.token.hash().as_slice())
        .bind("user_agent", session.user_agent)
        .bind("address", session.address.clone())
        .bind("expires_at", session.expires_at)
        .bind("now", session.now)
        .bind("user_version", user_version)
        .bind("device", session.device.as_slice())
        .bind_all(notice::bindings(session.notice))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    let row = row.ok_or_else(|| Error::internal("the beginning of a session returned no row"))?;
    if !row.get::<bool>("is_allowed")? {
        return Err(Error::NetworkNotAllowed);
    }
    if !row.get::<bool>("is_begun")? {
        return Ok(None);
    }
    let ended = row.get::<Vec<String>>("ended")?;
    let ended = ended.iter().map(|id| id.parse().map_err(Error::internal));
    let ended = ended.collect::<Result<_>>()?;
    Ok(Some(Begun { ended, is_noticed: row.get("is_noticed")? }))
}

/// Returns the expression for the expiry of a session: `:expires_at`, or earlier by the rules of the tenant.
fn expiry(created_at: &str) -> String {
    format!(
        "(SELECT LEAST(:expires_at::timestamp AT TIME ZONE 'UTC',
                       :now AT TIME ZONE 'UTC' + make_interval(mins => session_idle_minutes),
                       {created_at} + make_interval(mins => session_lifetime_minutes))
          FROM security_policy)"
    )
}

/// A use of a refresh token.
pub struct Use<'a> {
    /// The token.
    pub token: &'a RefreshToken,
    /// The next token.
    pub successor: &'a RefreshToken,
    /// The client's address.
    pub address: Option<String>,
    /// The time of the use.
    pub now: DateTime<Utc>,
    /// When the session expires if it is not used again.
    pub expires_at: DateTime<Utc>,
    /// The grace period, in which a used token still returns the session's current token.
    pub grace: TimeDelta,
    /// The audit entry to record if the token was used before.
    pub reuse: &'a Entry,
}

/// The result of using a refresh token.
pub enum Used {
    /// The successor is the session's current token, for this user.
    Rotated(User),
    /// The token was used before, within the grace period: the session's current token is some generations later.
    Again {
        /// The user.
        user: User,
        /// SHA-256 of the session's current token.
        current: Vec<u8>,
        /// An upper limit on the number of generations between the two tokens.
        generations: i64,
    },
    /// The token was used before, and this use has ended the session.
    Reused,
    /// The session had already ended.
    Over,
}

/// Uses a refresh token. Of several concurrent uses, one rotates the session.
///
/// A used token is stored for the grace period. The newest used token is also in the session's own row: a use that
/// waited for another one sees the updated row, but no new row of another table.
pub async fn rotate(database: &TenantDb, used: &Use<'_>) -> Result<Used> {
    let statement = format!(
        "WITH found AS MATERIALIZED (
             SELECT s.id AS session, s.user_id, CASE
                 WHEN s.token_hash = :token_hash THEN 'current'
                 WHEN s.previous_token_hash = :token_hash
                      AND s.rotated_at > :grace_began::timestamp AT TIME ZONE 'UTC' THEN 'again'
                 WHEN EXISTS (SELECT FROM used_refresh_tokens t
                              WHERE t.session_id = s.id AND t.token_hash = :token_hash
                                AND t.used_at > :grace_began AT TIME ZONE 'UTC') THEN 'again'
                 ELSE 'before' END AS token, s.token_hash AS current_hash,
                 is_network_allowed(:address::text) AS is_allowed
             FROM sessions s
             WHERE s.id = :session AND s.revoked_at IS NULL
               AND s.expires_at > :now::timestamp AT TIME ZONE 'UTC'
               AND EXISTS (SELECT FROM users u
                           WHERE u.id = s.user_id AND u.session_epoch = s.session_epoch
                             AND (s.has_second_factor OR NOT is_second_factor_due(u.role, u.created_at)))
               AND NOT EXISTS (
                   SELECT FROM security_policy p
                   WHERE s.created_at + make_interval(mins => p.session_lifetime_minutes) <= :now AT TIME ZONE 'UTC'
                      OR COALESCE(s.rotated_at, s.created_at) + make_interval(mins => p.session_idle_minutes)
                         <= :now AT TIME ZONE 'UTC')
             FOR UPDATE
         ), rotated AS (
             UPDATE sessions s
             SET token_hash = :successor_hash, previous_token_hash = :token_hash,
                 rotated_at = :now AT TIME ZONE 'UTC', expires_at = {expires_at}
             FROM found f
             WHERE s.id = f.session AND f.token = 'current' AND f.is_allowed
               AND EXISTS (SELECT FROM users u WHERE u.id = f.user_id AND u.is_active)
             RETURNING s.id
         ), remembered AS (
             INSERT INTO used_refresh_tokens (session_id, token_hash, used_at)
             SELECT id, :token_hash, :now AT TIME ZONE 'UTC' FROM rotated WHERE :has_grace
         ), forgotten AS (
             DELETE FROM used_refresh_tokens
             WHERE session_id IN (SELECT id FROM rotated)
               AND used_at <= :grace_began AT TIME ZONE 'UTC'
         ), ended AS (
             UPDATE sessions s
             SET revoked_at = :now AT TIME ZONE 'UTC', revoked_reason = 'reuse'
             FROM found f
             WHERE s.id = f.session AND f.token = 'before'
             RETURNING s.id
         ), {recorded}
         SELECT f.token, f.current_hash, f.is_allowed, (
             SELECT count(*) FROM used_refresh_tokens t WHERE t.session_id = f.session
         ) AS generations, {columns}
         FROM found f JOIN users ON users.id = f.user_id AND users.is_active",
        recorded = outbox::recorded_if("ended"),
        columns = repo::COLUMNS,
        expires_at = expiry("s.created_at"),
    );
    // Without a grace period no used token is valid, not even one that another use has written after this one read the
    // clock.
    let grace_began =
        if used.grace.is_zero() { used.now + TimeDelta::days(1) } else { used.now - used.grace };
    let statement = Statement::new(statement)
        .bind("session", used.token.session())
        .bind("token_hash", used.token.hash().as_slice())
        .bind("successor_hash", used.successor.hash().as_slice())
        .bind("address", used.address.clone())
        .bind("grace_began", grace_began)
        .bind("now", used.now)
        .bind("expires_at", used.expires_at)
        .bind("has_grace", !used.grace.is_zero())
        .bind_all(outbox::bindings(used.reuse));
    let Some(row) = statement.query_first(database.connection()).await? else {
        return Ok(Used::Over);
    };
    let token = row.get::<String>("token")?;
    Ok(match token.as_str() {
        "before" => Used::Reused,
        _ if !row.get::<bool>("is_allowed")? => return Err(Error::NetworkNotAllowed),
        "again" => Used::Again {
            user: repo::user(&row)?,
            current: row.get("current_hash")?,
            generations: (row.get::<i64>("generations")? + UNSEEN_GENERATIONS)
                .min(MOST_GENERATIONS),
        },
        _ => Used::Rotated(repo::user(&row)?),
    })
}

/// The result of ending a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The session ended with this call.
    Now,
    /// It had ended before.
    Before,
    /// There is no such session, or it has expired.
    NotFound,
}

/// Ends a session. If a user is given, ends only a session of that user.
pub async fn end(
    database: &TenantDb,
    user: Option<Uuid>,
    session: Uuid,
    why: End,
    entry: &Entry,
) -> Result<Ended> {
    let statement = format!(
        "WITH ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = :reason
             WHERE id = :session AND (:user::uuid IS NULL OR user_id = :user)
               AND revoked_at IS NULL AND expires_at > now()
             RETURNING id
         ), {}
         SELECT id FROM ended",
        outbox::recorded_if("ended")
    );
    let statement = Statement::new(statement)
        .bind("user", user)
        .bind("session", session)
        .bind("reason", why.as_str())
        .bind_all(outbox::bindings(entry));
    if statement.query_first(database.connection()).await?.is_some() {
        return Ok(Ended::Now);
    }
    // A separate statement, because the first one may have waited for the call that ended the session.
    let statement = "SELECT FROM sessions WHERE id = $2 AND ($1::uuid IS NULL OR user_id = $1)
                     AND revoked_at IS NOT NULL";
    let parameters = [user.into(), session.into()];
    let found = database.connection().query_first(statement, &parameters).await?;
    Ok(if found.is_some() { Ended::Before } else { Ended::NotFound })
}

/// Ends every session and access token of a user. Returns the user's new version; `None` if there is no such user.
pub async fn end_all(database: &TenantDb, user: Uuid, entry: &Entry) -> Result<Option<i64>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE users SET version = version + 1, session_epoch = session_epoch + 1
             WHERE id = :user RETURNING id, version
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'logout_everywhere'
             WHERE user_id = :user AND revoked_at IS NULL
         ), {}
         SELECT version FROM changed",
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement).bind("user", user).bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("version")).transpose()?)
}

/// Returns a page of a user's open sessions, the newest first, and their total number.
pub async fn list(
    database: &TenantDb,
    user: Uuid,
    current: Uuid,
    offset: u32,
    limit: u32,
) -> Result<(Rows<Session>, i64)> {
    let statement = "
        SELECT id, user_agent, address, id = $2 AS is_current,
               created_at AT TIME ZONE 'UTC' AS created_at,
               COALESCE(rotated_at, created_at) AT TIME ZONE 'UTC' AS last_used_at,
               expires_at AT TIME ZONE 'UTC' AS expires_at
        FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()
        ORDER BY sessions.created_at DESC, id DESC OFFSET $3 LIMIT $4";
    let parameters =
        [user.into(), current.into(), i64::from(offset).into(), i64::from(limit).into()];
    let rows = database.connection().query(statement, &parameters).await?;
    let count = "SELECT count(*) AS total FROM sessions
                 WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()";
    let total = database.connection().query_first(count, &[user.into()]).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    Ok((Rows::read(&rows, session), total))
}

/// The state that a token depends on.
pub struct State {
    /// The user's version.
    pub user_version: i64,
    /// Whether the session is open.
    pub is_open: bool,
}

/// Returns the states that tokens of these users and sessions depend on. Unknown users are omitted. Deactivation
/// increments the version of a user.
pub(crate) async fn find_states(
    database: &TenantDb,
    sessions: &[(Uuid, Uuid)],
) -> Result<HashMap<(Uuid, Uuid), State>> {
    let statement = "
        SELECT a.user_id, a.session_id, u.version, EXISTS (
            SELECT FROM sessions s
            WHERE s.id = a.session_id AND s.user_id = u.id AND s.revoked_at IS NULL
              AND s.session_epoch = u.session_epoch
        ) AS is_open
        FROM jsonb_to_recordset($1) AS a (user_id uuid, session_id uuid)
        JOIN users u ON u.id = a.user_id";
    let asked = sessions
        .iter()
        .map(|(user, session)| json!({ "user_id": user, "session_id": session }))
        .collect();
    let rows = database.connection().query(statement, &[Json::Array(asked).into()]).await?;
    let states = rows.iter().map(|row| {
        let state = State { user_version: row.get("version")?, is_open: row.get("is_open")? };
        Ok(((row.get("user_id")?, row.get("session_id")?), state))
    });
    Ok(states.collect::<Result<_, SqlError>>()?)
}

/// Returns the user and the expiry of a session; `None` if the session has ended.
pub async fn find_by_token(
    database: &TenantDb,
    token: &RefreshToken,
    now: DateTime<Utc>,
) -> Result<Option<(User, DateTime<Utc>)>> {
    let statement = format!(
        "SELECT s.session_expires_at, {}
         FROM (SELECT user_id, session_epoch AS begun_in,
                      expires_at AT TIME ZONE 'UTC' AS session_expires_at FROM sessions
               WHERE id = $1 AND token_hash = $2 AND revoked_at IS NULL
                 AND expires_at > $3::timestamp AT TIME ZONE 'UTC') s
         JOIN users ON users.id = s.user_id AND users.is_active
                    AND users.session_epoch = s.begun_in",
        repo::COLUMNS
    );
    let parameters = [token.session().into(), token.hash().as_slice().into(), now.into()];
    let row = database.connection().query_first(&statement, &parameters).await?;
    let found = row.map(|row| -> Result<_, SqlError> {
        Ok((repo::user(&row)?, row.get("session_expires_at")?))
    });
    Ok(found.transpose()?)
}

fn session(row: &Row) -> Result<Session, SqlError> {
    Ok(Session {
        id: row.get("id")?,
        user_agent: row.get("user_agent")?,
        address: row.get("address")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        expires_at: row.get("expires_at")?,
        is_current: row.get("is_current")?,
    })
}
