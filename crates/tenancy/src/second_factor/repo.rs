//! SQL statements on second factors, recovery codes and challenges. [`crate::passkey::repo`] shares parts of them.

use chrono::{DateTime, Utc};
use platform::sql::{Row, SqlError, Statement, Value};
use uuid::Uuid;

use super::{MOST, SecondFactor};
use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    mail::{
        notice::{self, Notice, noticed_if},
        template::Purpose,
    },
    tenant::TenantDb,
    user::{
        Reach, User,
        repo::{COLUMNS as USER_COLUMNS, reach as reach_bindings, user, within_reach},
    },
};

/// The number of wrong codes after which a challenge ends.
const MOST_FAILURES: i64 = 5;
/// The number of challenges of a user at one time.
const MOST_CHALLENGES: i64 = 20;

/// Returns the confirmed factors of a user, the oldest first, and the number of unused recovery codes.
pub async fn list(database: &TenantDb, user: Uuid) -> Result<(Vec<SecondFactor>, i64)> {
    let statement = "
        SELECT id, name, confirmed_at AT TIME ZONE 'UTC' AS confirmed_at,
               last_used_at AT TIME ZONE 'UTC' AS last_used_at
        FROM second_factors f WHERE user_id = $1 AND f.confirmed_at IS NOT NULL ORDER BY f.confirmed_at, id";
    let rows = database.connection().query(statement, &[user.into()]).await?;
    let factors = rows.iter().map(|row| {
        Ok(SecondFactor {
            id: row.get("id")?,
            name: row.get("name")?,
            confirmed_at: row.get("confirmed_at")?,
            last_used_at: row.get("last_used_at")?,
        })
    });
    let factors = factors.collect::<Result<_, SqlError>>()?;
    let statement =
        "SELECT count(*) AS unused FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL";
    let unused = database.connection().query_first(statement, &[user.into()]).await?;
    Ok((factors, unused.map_or(Ok(0), |row| row.get("unused"))?))
}

/// A factor that is not confirmed yet.
pub(crate) struct NewFactor<'a> {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) name: &'a str,
    pub(crate) sealed: Vec<u8>,
}

/// Inserts a factor that is not confirmed yet, which replaces an earlier one. Returns `false` if the user has the
/// maximum number of factors.
pub(crate) async fn begin(database: &TenantDb, factor: &NewFactor<'_>) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             DELETE FROM second_factors WHERE user_id = :user AND confirmed_at IS NULL
         )
         INSERT INTO second_factors (id, user_id, name, secret)
         SELECT :id::uuid, id, :name::text, :secret::bytea FROM users
         WHERE id = :user AND {MOST} > (SELECT count(*) FROM second_factors f
                                        WHERE f.user_id = :user AND f.confirmed_at IS NOT NULL)"
    );
    let statement = Statement::new(statement)
        .bind("id", factor.id)
        .bind("user", factor.user)
        .bind("name", factor.name)
        .bind("secret", factor.sealed.as_slice());
    Ok(statement.execute(database.connection()).await? == 1)
}

/// A factor with its sealed secret.
pub(crate) struct StoredFactor {
    pub(crate) id: Uuid,
    pub(crate) sealed: Vec<u8>,
}

/// Returns the join that gives `users` a row for each factor that meets a condition, or one row without a factor.
fn join_factors(condition: &str) -> String {
    format!(
        "LEFT JOIN LATERAL (
             SELECT f.id AS factor, f.secret FROM second_factors f WHERE f.user_id = users.id AND {condition}
         ) factors ON true"
    )
}

/// A user with factors.
pub(crate) struct Holder {
    pub(crate) user: User,
    pub(crate) factors: Vec<StoredFactor>,
}

impl Holder {
    /// Reads the rows of a user with [`join_factors`]. Returns `None` if there is no row.
    fn read(rows: &[Row]) -> Result<Option<Self>, SqlError> {
        let Some(first) = rows.first() else { return Ok(None) };
        let mut factors = Vec::new();
        for row in rows {
            if let Some(id) = row.get("factor")? {
                factors.push(StoredFactor { id, sealed: row.get("secret")? });
            }
        }
        Ok(Some(Self { user: user(first)?, factors }))
    }
}

/// Returns a user with the factors that `which` names.
pub(crate) async fn holder(
    database: &TenantDb,
    user_id: Uuid,
    which: Which,
) -> Result<Option<Holder>> {
    let (condition, id) = match which {
        Which::Confirmed => ("f.confirmed_at IS NOT NULL AND $2::uuid IS NULL", None),
        Which::Unconfirmed(id) => ("f.confirmed_at IS NULL AND f.id = $2::uuid", Some(id)),
    };
    let statement = format!(
        "SELECT {USER_COLUMNS}, factor, secret FROM users {} WHERE id = $1 AND is_active",
        join_factors(condition)
    );
    let rows = database.connection().query(&statement, &[user_id.into(), id.into()]).await?;
    Ok(Holder::read(&rows)?)
}

/// The factors to return.
#[derive(Clone, Copy)]
pub(crate) enum Which {
    /// Those in use.
    Confirmed,
    /// The one with this id, if it waits for its first code.
    Unconfirmed(Uuid),
}

/// A sign-in that waits for its second factor.
pub(crate) struct NewChallenge<'a> {
    pub(crate) id: Uuid,
    pub(crate) user: &'a User,
    pub(crate) token_hash: [u8; 32],
    pub(crate) needs_enrollment: bool,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Inserts a challenge. Earlier ones beyond the maximum number end.
pub(crate) async fn insert_challenge(
    database: &TenantDb,
    challenge: &NewChallenge<'_>,
) -> Result<()> {
    let statement = format!(
        "WITH forgotten AS (
             DELETE FROM sign_in_challenges
             WHERE user_id = :user AND (expires_at <= now() OR id NOT IN (
                 SELECT c.id FROM sign_in_challenges c WHERE c.user_id = :user
                 ORDER BY c.expires_at DESC, c.id DESC LIMIT {MOST_CHALLENGES} - 1))
         )
         INSERT INTO sign_in_challenges (id, user_id, user_version, token_hash, needs_enrollment, expires_at)
         SELECT :id::uuid, id, :version::bigint, :token_hash::bytea, :needs_enrollment::boolean,
                :expires_at::timestamp AT TIME ZONE 'UTC'
         FROM users WHERE id = :user"
    );
    let statement = Statement::new(statement)
        .bind("id", challenge.id)
        .bind("user", challenge.user.id)
        .bind("version", challenge.user.version)
        .bind("token_hash", challenge.token_hash.as_slice())
        .bind("needs_enrollment", challenge.needs_enrollment)
        .bind("expires_at", challenge.expires_at);
    statement.execute(database.connection()).await?;
    Ok(())
}

/// A challenge that can be answered.
pub(crate) struct OpenChallenge {
    pub(crate) id: Uuid,
    pub(crate) needs_enrollment: bool,
    /// The user, with the confirmed factors, or with the unconfirmed one if the sign-in needs an enrolment.
    pub(crate) holder: Holder,
}

/// Returns the challenge with a token, if it can be answered.
pub(crate) async fn find_challenge(
    database: &TenantDb,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<OpenChallenge>> {
    let statement = format!(
        "SELECT {USER_COLUMNS}, challenge, needs_enrollment, factor, secret
         FROM (SELECT users.*, c.id AS challenge, c.needs_enrollment
               FROM sign_in_challenges c JOIN users ON users.id = c.user_id
               WHERE c.token_hash = $1 AND c.expires_at > $2::timestamp AT TIME ZONE 'UTC'
                 AND c.failures < {MOST_FAILURES} AND users.is_active AND users.version = c.user_version
                 AND NOT (c.needs_enrollment AND has_second_factor(users.id))
              ) AS users {}",
        join_factors("(f.confirmed_at IS NULL) = users.needs_enrollment")
    );
    let parameters = [token_hash.as_slice().into(), now.into()];
    let rows = database.connection().query(&statement, &parameters).await?;
    let Some(holder) = Holder::read(&rows)? else { return Ok(None) };
    // All rows have the same challenge.
    let Some(row) = rows.first() else { return Ok(None) };
    let (id, needs_enrollment) = (row.get("challenge")?, row.get("needs_enrollment")?);
    Ok(Some(OpenChallenge { id, needs_enrollment, holder }))
}

/// The result of the verification of a code.
#[derive(Clone, Copy)]
pub(crate) enum Proven {
    /// The code of a step of a factor.
    Step {
        /// The factor.
        factor: Uuid,
        /// The step.
        step: i64,
    },
    /// Perhaps a recovery code with this hash.
    RecoveryCode([u8; 32]),
    /// Nothing: the code is wrong.
    Nothing,
}

/// An answer to a challenge, or a code in a session.
pub(crate) struct Answer<'a> {
    /// The user.
    pub(crate) user: Uuid,
    /// The challenge; `None` in a session.
    pub(crate) challenge: Option<Uuid>,
    /// The result of its verification.
    pub(crate) proven: Proven,
    /// Whether the code confirms a factor.
    pub(crate) is_enrollment: bool,
    /// The hashes of the recovery codes that the user gets with the first factor.
    pub(crate) recovery_codes: &'a [[u8; 32]],
    /// The session that proves a second factor with the code.
    pub(crate) session: Option<Uuid>,
    /// The time.
    pub(crate) now: DateTime<Utc>,
    /// The notice to the user about a new factor.
    pub(crate) notice: Option<Notice>,
}

/// The result of an accepted code.
pub(crate) struct Accepted {
    /// Whether the user got the new recovery codes.
    pub(crate) has_new_codes: bool,
    /// The sessions that ended because they have no second factor.
    pub(crate) ended: Vec<Uuid>,
}

/// Accepts a code, at most once. Returns `None` if it is wrong or used. A wrong code counts against the challenge.
///
/// The confirmation of a factor ends the sessions of the user without a second factor, except the session of the code.
pub(crate) async fn accept(
    database: &TenantDb,
    answer: Answer<'_>,
    entry: &Entry,
) -> Result<Option<Accepted>> {
    let state = if answer.is_enrollment { "IS NULL" } else { "IS NOT NULL" };
    let statement = format!(
        "WITH {open}, stepped AS (
             UPDATE second_factors f
             SET last_step = :step, last_used_at = :now::timestamp AT TIME ZONE 'UTC',
                 confirmed_at = COALESCE(confirmed_at, :now AT TIME ZONE 'UTC')
             FROM open o
             WHERE f.id = :factor::uuid AND f.user_id = o.user_id AND f.last_step < :step::bigint
               AND f.confirmed_at {state}
               AND (NOT :is_enrollment OR {MOST} > (SELECT count(*) FROM second_factors others
                    WHERE others.user_id = o.user_id AND others.confirmed_at IS NOT NULL))
             RETURNING f.user_id
         ), recovered AS (
             UPDATE recovery_codes r SET used_at = :now AT TIME ZONE 'UTC'
             FROM open o
             WHERE r.user_id = o.user_id AND r.code_hash = :code_hash::bytea AND r.used_at IS NULL
               AND NOT :is_enrollment
             RETURNING r.user_id
         ), accepted AS MATERIALIZED (
             SELECT user_id FROM stepped UNION ALL SELECT user_id FROM recovered
         ), {effects}, {recorded}
         SELECT {ACCEPTED} FROM accepted",
        open = open_user(),
        effects = effects_of_accepted(),
        recorded = outbox::recorded_if("accepted")
    );
    let (factor, step, code_hash) = match answer.proven {
        Proven::Step { factor, step } => (Some(factor), step, Value::Null),
        Proven::RecoveryCode(hash) => (None, 0, hash.as_slice().into()),
        Proven::Nothing => (None, 0, Value::Null),
    };
    let statement = Statement::new(statement)
        .bind("factor", factor)
        .bind("step", step)
        .bind("code_hash", code_hash)
        .bind_all(effect_bindings(answer))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    row.as_ref().map(Accepted::read).transpose()
}

/// Returns the CTE `open`: the active user `:user`, locked. If there is a challenge, it must be open, and if the user
/// sets up a factor with it, the user must not have one.
pub(crate) fn open_user() -> String {
    format!(
        "locked AS MATERIALIZED (
             SELECT u.id AS user_id FROM users u
             WHERE u.id = :user AND u.is_active AND (:challenge::uuid IS NULL OR EXISTS (
                 SELECT FROM sign_in_challenges c
                 WHERE c.id = :challenge AND c.user_id = u.id AND c.user_version = u.version
                   AND c.failures < {MOST_FAILURES} FOR UPDATE))
             FOR NO KEY UPDATE
         ), open AS MATERIALIZED (
             -- Another sign-in may have set up a factor since. After the lock, the function sees it.
             SELECT user_id FROM locked
             WHERE :challenge::uuid IS NULL OR NOT :is_enrollment::boolean OR NOT lock_user(user_id)
         )"
    )
}

/// Returns the CTEs after `accepted`, which has the id of the user if the proof is right: the challenge ends or counts a
/// failure, the first factor has recovery codes, the session has the proof, sessions without a factor end, and the user gets a notice about a new factor. The
/// parameters are those of [`effect_bindings`].
pub(crate) fn effects_of_accepted() -> String {
    let noticed =
        noticed_if("accepted", "n.user_id", Purpose::SecondFactorAdded, ":is_enrollment::boolean");
    format!(
        "answered AS (
         DELETE FROM sign_in_challenges
         WHERE id = :challenge::uuid AND EXISTS (SELECT FROM accepted)
     ), failed AS (
         UPDATE sign_in_challenges SET failures = failures + 1
         WHERE id = :challenge::uuid AND NOT EXISTS (SELECT FROM accepted)
     ), issued AS (
         INSERT INTO recovery_codes (user_id, code_hash)
         SELECT a.user_id, decode(code, 'hex') FROM accepted a, unnest(:codes::text[]) AS code
         WHERE :is_enrollment::boolean
           AND NOT EXISTS (SELECT FROM recovery_codes r WHERE r.user_id = a.user_id AND r.used_at IS NULL)
         RETURNING user_id
     ), proven AS (
         UPDATE sessions
         SET has_second_factor = true, authenticated_at = :now::timestamp AT TIME ZONE 'UTC'
         WHERE id = :session::uuid AND user_id IN (SELECT user_id FROM accepted)
     ), ended AS MATERIALIZED (
         SELECT e.id FROM accepted CROSS JOIN LATERAL end_sessions_without_factor(
             CASE WHEN :is_enrollment::boolean THEN user_id END, :session::uuid) AS e (id)
     ), {noticed}"
    )
}

/// Returns the parameters of [`open_user`] and [`effects_of_accepted`].
pub(crate) fn effect_bindings(answer: Answer<'_>) -> impl Iterator<Item = (&'static str, Value)> {
    let codes: Vec<_> =
        answer.recovery_codes.iter().map(|hash| base16ct::lower::encode_string(hash)).collect();
    [
        ("user", answer.user.into()),
        ("challenge", answer.challenge.into()),
        ("is_enrollment", answer.is_enrollment.into()),
        ("codes", codes.into()),
        ("session", answer.session.into()),
        ("now", answer.now.into()),
    ]
    .into_iter()
    .chain(notice::bindings(answer.notice))
}

/// The columns that [`Accepted::read`] reads.
pub(crate) const ACCEPTED: &str = "
    EXISTS (SELECT FROM issued) AS has_new_codes, ARRAY(SELECT id::text FROM ended) AS ended";

impl Accepted {
    /// Reads the columns [`ACCEPTED`].
    pub(crate) fn read(row: &Row) -> Result<Self> {
        let ended = row.get::<Vec<String>>("ended")?;
        let ended = ended.iter().map(|id| id.parse().map_err(Error::internal));
        Ok(Self { has_new_codes: row.get("has_new_codes")?, ended: ended.collect::<Result<_>>()? })
    }
}

/// Returns the CTE `forgotten`: if the CTE `removed` has the user of the only factor, the recovery codes are removed,
/// too. `:factor` is the id of the removed factor.
pub(crate) fn recovery_codes_forgotten() -> &'static str {
    "forgotten AS (
         DELETE FROM recovery_codes r USING removed
         WHERE r.user_id = removed.user_id
           AND NOT EXISTS (SELECT FROM second_factors f
                           WHERE f.user_id = r.user_id AND f.id <> :factor AND f.confirmed_at IS NOT NULL)
           AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = r.user_id AND p.id <> :factor)
     )"
}

/// Removes a factor of a user. The recovery codes go with the last one. Returns `false` if the user has no such factor.
pub(crate) async fn remove(
    database: &TenantDb,
    user: Uuid,
    factor: Uuid,
    notice: Option<Notice>,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH removed AS (
             DELETE FROM second_factors WHERE id = :factor AND user_id = :user AND confirmed_at IS NOT NULL
             RETURNING user_id
         ), {}, {}, {}
         SELECT FROM removed",
        recovery_codes_forgotten(),
        noticed_if("removed", "n.user_id", Purpose::SecondFactorRemoved, "true"),
        outbox::recorded_if("removed")
    );
    let statement = Statement::new(statement)
        .bind("factor", factor)
        .bind("user", user)
        .bind_all(notice::bindings(notice))
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(database.connection()).await?.is_some())
}

/// Replaces the recovery codes of a user. Returns `false` if the user has no factor.
pub(crate) async fn replace_recovery_codes(
    database: &TenantDb,
    user: Uuid,
    codes: &[[u8; 32]],
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH holder AS MATERIALIZED (
             SELECT id FROM users u WHERE id = :user AND has_second_factor(u.id) FOR NO KEY UPDATE
         ), forgotten AS (
             DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM holder)
         ), issued AS (
             INSERT INTO recovery_codes (user_id, code_hash)
             SELECT id, decode(code, 'hex') FROM holder, unnest(:codes::text[]) AS code
         ), {}
         SELECT FROM holder",
        outbox::recorded_if("holder")
    );
    let codes: Vec<_> = codes.iter().map(|hash| base16ct::lower::encode_string(hash)).collect();
    let statement = Statement::new(statement)
        .bind("user", user)
        .bind("codes", codes)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(database.connection()).await?.is_some())
}

/// Removes all factors, passkeys, recovery codes and challenges of a user with one of the roles, and ends every session. Returns
/// the new version of the user; `None` if there is no such user.
pub(crate) async fn remove_all(
    database: &TenantDb,
    user: Uuid,
    reach: &Reach,
    notice: Option<Notice>,
    entry: &Entry,
) -> Result<Option<i64>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE users SET version = version + 1, session_epoch = session_epoch + 1
             WHERE id = :user AND {} RETURNING id, version
         ), removed AS (
             DELETE FROM second_factors WHERE user_id IN (SELECT id FROM changed)
         ), removed_passkeys AS (
             DELETE FROM passkeys WHERE user_id IN (SELECT id FROM changed)
         ), forgotten AS (
             DELETE FROM recovery_codes WHERE user_id IN (SELECT id FROM changed)
         ), unanswered AS (
             DELETE FROM sign_in_challenges WHERE user_id IN (SELECT id FROM changed)
         ), ended AS (
             UPDATE sessions SET revoked_at = now(), revoked_reason = 'second_factor'
             WHERE user_id IN (SELECT id FROM changed) AND revoked_at IS NULL
         ), {}, {}
         SELECT version FROM changed",
        within_reach("users"),
        noticed_if("changed", "n.id", Purpose::SecondFactorsReset, "true"),
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement)
        .bind("user", user)
        .bind_all(reach_bindings(reach))
        .bind_all(notice::bindings(notice))
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    Ok(row.map(|row| row.get("version")).transpose()?)
}
