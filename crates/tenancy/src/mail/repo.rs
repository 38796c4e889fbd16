//! SQL statements on the outbox of mail of a tenant.
//!
//! Under a crash: the claim counts the attempt as unanswered, and the answer takes the count back. A process that ends
//! between the two leaves a claim that expires, so the message is claimed again, but only until
//! [`MOST_UNANSWERED`] attempts are unanswered.

use chrono::{DateTime, TimeDelta, Utc};
use platform::sql::{Row, Rows, SqlError, Statement};
use uuid::Uuid;

use super::{
    attempt::{Failure, MOST_UNANSWERED, NextStep, Outcome},
    insertion::TOKEN_IS_CURRENT,
    message::{Message, Retry},
};
use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    tenant::TenantDb,
};

/// The validity of a claim. It must exceed the deadline of an attempt.
pub(super) const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// The time for which sent and dead messages are stored.
const KEPT: TimeDelta = TimeDelta::days(7);

/// Returns the condition that the token in the message `m` is still valid for its user and the address. A notice has no
/// token.
fn is_current() -> String {
    format!(
        "(m.token_hash IS NULL
          OR EXISTS (SELECT FROM users u WHERE u.id = m.user_id AND u.is_active
                     AND (u.setup_token_hash = m.token_hash AND u.email = m.address
                          OR EXISTS (SELECT FROM account_tokens t
                                     WHERE t.token_hash = m.token_hash AND t.user_id = u.id
                                       AND t.address = m.address
                                       AND (t.purpose = 'address_objection' OR {TOKEN_IS_CURRENT})))))"
    )
}

/// The condition that the message `m` may be sent at the time `$1`.
fn is_due() -> String {
    format!(
        "(m.state = 'waiting' AND m.next_attempt_at <= $1::timestamp AT TIME ZONE 'UTC'
          OR m.state = 'sending' AND m.claimed_until <= $1::timestamp AT TIME ZONE 'UTC')
         AND m.unanswered < {MOST_UNANSWERED} AND m.expires_at > $1::timestamp AT TIME ZONE 'UTC'
         AND {}",
        is_current()
    )
}

/// A message that only this process may send now.
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) purpose: String,
    pub(crate) address: String,
    pub(crate) language: String,
    /// The sealed [`Variables`](super::variables::Variables).
    pub(crate) variables: Vec<u8>,
    /// The number of attempts, including this one. It identifies the claim.
    pub(crate) attempts: i64,
    /// The number of unanswered attempts, including this one.
    pub(crate) unanswered: i64,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Returns the time of the next attempt to send a message, which may be past. A claim of another process may expire.
pub(crate) async fn next_due(database: &TenantDb) -> Result<Option<DateTime<Utc>>> {
    let statement = "
        SELECT min(CASE WHEN state = 'waiting' THEN next_attempt_at ELSE claimed_until END)
               AT TIME ZONE 'UTC' AS due
        FROM mail_messages WHERE state IN ('waiting', 'sending')";
    let row = database.connection().query_first(statement, &[]).await?;
    Ok(row.map_or(Ok(None), |row| row.get("due"))?)
}

/// A message that must no longer be sent.
pub(crate) struct Overdue {
    pub(crate) id: Uuid,
    pub(crate) user: Uuid,
    pub(crate) failure: Failure,
}

/// Returns a message that must no longer be sent, if there is one: its token has expired or is no longer that of the
/// user, or its last permitted claim has expired.
pub(crate) async fn find_overdue(
    database: &TenantDb,
    now: DateTime<Utc>,
) -> Result<Option<Overdue>> {
    let statement = format!(
        "SELECT m.id, m.user_id,
                CASE WHEN m.unanswered >= {MOST_UNANSWERED} THEN 'unanswered'
                     WHEN m.expires_at <= $1::timestamp AT TIME ZONE 'UTC' THEN 'expired'
                     ELSE 'superseded' END AS failure
         FROM mail_messages m
         WHERE (m.state = 'waiting' OR m.state = 'sending' AND m.claimed_until <= $1::timestamp AT TIME ZONE 'UTC')
           AND (m.expires_at <= $1::timestamp AT TIME ZONE 'UTC' OR m.unanswered >= {MOST_UNANSWERED}
                OR NOT {})
         ORDER BY m.next_attempt_at, m.id LIMIT 1",
        is_current()
    );
    let row = database.connection().query_first(&statement, &[now.into()]).await?;
    let Some(row) = row else { return Ok(None) };
    let failure = match row.get::<String>("failure")?.as_str() {
        "unanswered" => Failure::Unanswered,
        "expired" => Failure::Expired,
        _ => Failure::Superseded,
    };
    Ok(Some(Overdue { id: row.get("id")?, user: row.get("user_id")?, failure }))
}

/// Ends a message that [`find_overdue`] returned.
pub(crate) async fn end_overdue(
    database: &TenantDb,
    overdue: &Overdue,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<()> {
    // Only a message of which an attempt has no answer can be sent again.
    let statement = format!(
        "WITH ended AS (
             UPDATE mail_messages m SET
                 state = 'dead', claimed_until = NULL, failure = :failure::text,
                 ended_at = :now::timestamp AT TIME ZONE 'UTC',
                 variables = CASE WHEN :failure::text = 'unanswered' THEN m.variables END
             WHERE m.id = :id AND (m.state = 'waiting' OR m.state = 'sending'
                                   AND m.claimed_until <= :now::timestamp AT TIME ZONE 'UTC')
             RETURNING m.id
         ), {}
         SELECT id FROM ended",
        outbox::recorded_if("ended")
    );
    let statement = Statement::new(statement)
        .bind("id", overdue.id)
        .bind("failure", overdue.failure.code())
        .bind("now", now)
        .bind_all(outbox::bindings(entry));
    statement.query_first(database.connection()).await?;
    Ok(())
}

/// Claims the message that is due for the longest time, if there is one.
pub(crate) async fn claim(database: &TenantDb, now: DateTime<Utc>) -> Result<Option<Claimed>> {
    let statement = format!(
        "UPDATE mail_messages c SET
             state = 'sending', attempts = c.attempts + 1, unanswered = c.unanswered + 1,
             claimed_until = $2::timestamp AT TIME ZONE 'UTC'
         WHERE c.id = (
             SELECT m.id FROM mail_messages m WHERE {}
             ORDER BY m.next_attempt_at, m.id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING c.id, c.user_id, c.purpose, c.address, c.language, c.variables, c.attempts, c.unanswered,
                   c.expires_at AT TIME ZONE 'UTC' AS expires_at",
        is_due()
    );
    let values = [now.into(), (now + CLAIM).into()];
    let row = database.connection().query_first(&statement, &values).await?;
    let claimed = row.map(|row| {
        Ok(Claimed {
            id: row.get("id")?,
            user: row.get("user_id")?,
            purpose: row.get("purpose")?,
            address: row.get("address")?,
            language: row.get("language")?,
            variables: row.get("variables")?,
            attempts: row.get("attempts")?,
            unanswered: row.get("unanswered")?,
            expires_at: row.get("expires_at")?,
        })
    });
    claimed.transpose()
}

/// Records how the attempt of a claim ended, with an event if it was the last one. Returns `false` if another process has
/// claimed the message since.
pub(crate) async fn settle(
    database: &TenantDb,
    claimed: &Claimed,
    outcome: Outcome,
    step: NextStep,
    now: DateTime<Utc>,
    entry: Option<&Entry>,
) -> Result<bool> {
    let (state, next_attempt_at, failure) = match step {
        NextStep::Sent => ("sent", None, None),
        NextStep::Retry(at) => ("waiting", Some(at), None),
        NextStep::Dead(failure) => ("dead", None, Some(failure.code())),
    };
    let answered = i64::from(outcome != Outcome::Unanswered);
    let not_sent = i64::from(outcome == Outcome::NotSent);
    let recorded = entry.map(|_| format!(", {}", outbox::recorded_if("settled")));
    // A sent message keeps no token. Taking back an attempt is safe, because earlier claims have smaller numbers.
    let statement = format!(
        "WITH settled AS (
             UPDATE mail_messages SET
                 state = :state::text, claimed_until = NULL, failure = :failure::text,
                 unanswered = unanswered - :answered::bigint, attempts = attempts - :not_sent::bigint,
                 next_attempt_at = COALESCE(:next::timestamp AT TIME ZONE 'UTC', next_attempt_at),
                 ended_at = CASE WHEN :state::text <> 'waiting' THEN :now::timestamp AT TIME ZONE 'UTC' END,
                 variables = CASE WHEN :state::text <> 'sent' THEN variables END
             WHERE id = :id AND state = 'sending' AND attempts = :attempts::bigint
             RETURNING id
         ){}
         SELECT id FROM settled",
        recorded.unwrap_or_default()
    );
    let mut statement = Statement::new(statement)
        .bind("state", state)
        .bind("failure", failure)
        .bind("answered", answered)
        .bind("not_sent", not_sent)
        .bind("next", next_attempt_at)
        .bind("now", now)
        .bind("id", claimed.id)
        .bind("attempts", claimed.attempts);
    if let Some(entry) = entry {
        statement = statement.bind_all(outbox::bindings(entry));
    }
    Ok(statement.query_first(database.connection()).await?.is_some())
}

/// Returns the dead messages, the newest first.
pub(crate) async fn list_dead(database: &TenantDb, most: u32) -> Result<Rows<Message>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM mail_messages m WHERE m.state = 'dead' ORDER BY m.ended_at DESC, m.id LIMIT $1"
    );
    let rows = database.connection().query(&statement, &[i64::from(most).into()]).await?;
    Ok(Rows::read(&rows, message))
}

/// Returns the messages to a user, the newest first.
pub(crate) async fn list_of_user(database: &TenantDb, user: Uuid) -> Result<Rows<Message>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM mail_messages m WHERE m.user_id = $1 ORDER BY m.created_at DESC, m.id"
    );
    let rows = database.connection().query(&statement, &[user.into()]).await?;
    Ok(Rows::read(&rows, message))
}

const COLUMNS: &str = "
    m.id, m.user_id, m.purpose, m.address, m.language, m.state, m.attempts, m.unanswered, m.failure,
    m.created_at AT TIME ZONE 'UTC' AS created_at, m.expires_at AT TIME ZONE 'UTC' AS expires_at,
    m.ended_at AT TIME ZONE 'UTC' AS ended_at";

fn message(row: &Row) -> Result<Message, SqlError> {
    Ok(Message {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        purpose: row.get("purpose")?,
        address: row.get("address")?,
        language: row.get("language")?,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        unanswered: row.get("unanswered")?,
        failure: row.get("failure")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        ended_at: row.get("ended_at")?,
    })
}

/// Lets a dead message be sent again. A message of which an attempt has no answer is sent again only with
/// `may_duplicate`, and then at most once.
pub(crate) async fn retry(
    database: &TenantDb,
    message: Uuid,
    may_duplicate: bool,
    now: DateTime<Utc>,
    entry: &Entry,
) -> Result<Retry> {
    let statement = format!(
        "WITH found AS MATERIALIZED (
             SELECT m.id, m.state, m.unanswered,
                    m.variables IS NOT NULL AND m.expires_at > :now::timestamp AT TIME ZONE 'UTC'
                    AND {is_current} AS is_usable
             FROM mail_messages m WHERE m.id = :id FOR UPDATE
         ), retried AS (
             UPDATE mail_messages r SET
                 state = 'waiting', failure = NULL, ended_at = NULL,
                 unanswered = LEAST(r.unanswered, {MOST_UNANSWERED} - 1),
                 next_attempt_at = :now::timestamp AT TIME ZONE 'UTC'
             FROM found f
             WHERE r.id = f.id AND f.state = 'dead' AND f.is_usable
               AND (f.unanswered = 0 OR :may_duplicate::boolean)
             RETURNING r.id
         ), {}
         SELECT CASE WHEN EXISTS (SELECT FROM retried) THEN 'retried'
                     WHEN NOT EXISTS (SELECT FROM found WHERE state = 'dead') THEN 'not_dead'
                     WHEN EXISTS (SELECT FROM found WHERE is_usable) THEN 'may_duplicate'
                     ELSE 'unusable' END AS result",
        outbox::recorded_if("retried"),
        is_current = is_current(),
    );
    let statement = Statement::new(statement)
        .bind("id", message)
        .bind("now", now)
        .bind("may_duplicate", may_duplicate)
        .bind_all(outbox::bindings(entry));
    let row = statement.query_first(database.connection()).await?;
    let row = row.ok_or_else(|| Error::internal("a retry returned no result"))?;
    Ok(match row.get::<String>("result")?.as_str() {
        "retried" => Retry::Waiting,
        "not_dead" => Retry::NotDead,
        "may_duplicate" => Retry::MayDuplicate,
        _ => Retry::Unusable,
    })
}

/// Removes at most `most` messages that ended long ago, and the tokens of dead messages that have expired. Returns the
/// number of removed messages.
pub(crate) async fn remove_ended(
    database: &TenantDb,
    now: DateTime<Utc>,
    most: i64,
) -> Result<u64> {
    let statement = "
        UPDATE mail_messages SET variables = NULL
        WHERE state = 'dead' AND variables IS NOT NULL AND expires_at <= $1::timestamp AT TIME ZONE 'UTC'";
    database.connection().execute(statement, &[now.into()]).await?;
    let statement = "
        DELETE FROM mail_messages WHERE id IN (
            SELECT id FROM mail_messages
            WHERE state IN ('sent', 'dead') AND ended_at < $1::timestamp AT TIME ZONE 'UTC'
            ORDER BY ended_at LIMIT $2)";
    let parameters = [(now - KEPT).into(), most.into()];
    Ok(database.connection().execute(statement, &parameters).await?)
}
