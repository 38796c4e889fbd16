//! SQL statements on the outbox of mail of a tenant.
//!
//! Under a crash: the claim counts the attempt as unanswered, and the answer takes the count back. A process that ends
//! between the two leaves a claim that expires, so the message is claimed again, but only until
//! [`MOST_UNANSWERED`] attempts are unanswered.

use chrono::{DateTime, TimeDelta, Utc};
use platform::sql::Statement;
use uuid::Uuid;

use super::attempt::{MOST_UNANSWERED, NextStep, Outcome};
use crate::{error::Result, tenant::TenantDb};

/// The validity of a claim. It must exceed the deadline of an attempt.
const CLAIM: TimeDelta = TimeDelta::minutes(2);

/// A message that this process alone may send now.
pub(crate) struct Claimed {
    pub(crate) id: Uuid,
    pub(crate) purpose: String,
    pub(crate) address: String,
    pub(crate) language: String,
    /// The sealed variables.
    pub(crate) variables: Vec<u8>,
    /// The number of attempts, including this one. It identifies the claim.
    pub(crate) attempts: i64,
    /// The number of unanswered attempts, including this one.
    pub(crate) unanswered: i64,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Ends the messages that must not be sent any more: those whose token has expired, and those whose last permitted
/// claim has expired.
pub(crate) async fn end_overdue(database: &TenantDb, now: DateTime<Utc>) -> Result<()> {
    let statement = format!(
        "UPDATE mail_messages SET
             state = 'dead', claimed_until = NULL,
             failure = CASE WHEN state = 'dead' THEN failure
                            WHEN unanswered >= {MOST_UNANSWERED} THEN 'unanswered' ELSE 'expired' END,
             variables = CASE WHEN expires_at > :now::timestamp AT TIME ZONE 'UTC' THEN variables END
         WHERE state = 'waiting' AND expires_at <= :now::timestamp AT TIME ZONE 'UTC'
            OR state = 'sending' AND claimed_until <= :now::timestamp AT TIME ZONE 'UTC'
               AND (unanswered >= {MOST_UNANSWERED} OR expires_at <= :now::timestamp AT TIME ZONE 'UTC')
            OR state = 'dead' AND variables IS NOT NULL AND expires_at <= :now::timestamp AT TIME ZONE 'UTC'"
    );
    Statement::new(statement).bind("now", now).execute(database.connection()).await?;
    Ok(())
}

/// Claims the message that is due for the longest time, if there is one.
pub(crate) async fn claim(database: &TenantDb, now: DateTime<Utc>) -> Result<Option<Claimed>> {
    let statement = format!(
        "UPDATE mail_messages m SET
             state = 'sending', attempts = m.attempts + 1, unanswered = m.unanswered + 1,
             claimed_until = $2::timestamp AT TIME ZONE 'UTC'
         WHERE m.id = (
             SELECT id FROM mail_messages
             WHERE (state = 'waiting' AND next_attempt_at <= $1::timestamp AT TIME ZONE 'UTC'
                    OR state = 'sending' AND claimed_until <= $1::timestamp AT TIME ZONE 'UTC')
               AND unanswered < {MOST_UNANSWERED} AND expires_at > $1::timestamp AT TIME ZONE 'UTC'
             ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING m.id, m.purpose, m.address, m.language, m.variables, m.attempts, m.unanswered,
                   m.expires_at AT TIME ZONE 'UTC' AS expires_at"
    );
    let values = [now.into(), (now + CLAIM).into()];
    let row = database.connection().query_first(&statement, &values).await?;
    let claimed = row.map(|row| {
        Ok(Claimed {
            id: row.get("id")?,
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

/// Records how the attempt of a claim ended. Returns `false` if another process has claimed the message since.
pub(crate) async fn settle(
    database: &TenantDb,
    claimed: &Claimed,
    outcome: Outcome,
    step: NextStep,
    now: DateTime<Utc>,
) -> Result<bool> {
    let (state, next_attempt_at, failure) = match step {
        NextStep::Sent => ("sent", None, None),
        NextStep::Retry(at) => ("waiting", Some(at), None),
        NextStep::Dead(failure) => ("dead", None, Some(failure.code())),
    };
    let answered = i64::from(outcome != Outcome::Unanswered);
    // A sent message keeps no token.
    let statement = "
        UPDATE mail_messages SET
            state = :state::text, claimed_until = NULL, failure = :failure::text,
            unanswered = unanswered - :answered::bigint,
            next_attempt_at = COALESCE(:next::timestamp AT TIME ZONE 'UTC', next_attempt_at),
            sent_at = CASE WHEN :state::text = 'sent' THEN :now::timestamp AT TIME ZONE 'UTC' END,
            variables = CASE WHEN :state::text <> 'sent' THEN variables END
        WHERE id = :id AND state = 'sending' AND attempts = :attempts::bigint";
    let statement = Statement::new(statement)
        .bind("state", state)
        .bind("failure", failure)
        .bind("answered", answered)
        .bind("next", next_attempt_at)
        .bind("now", now)
        .bind("id", claimed.id)
        .bind("attempts", claimed.attempts);
    Ok(statement.execute(database.connection()).await? == 1)
}

/// Lets a dead message be sent again, at an operator's request. Returns `false` if it is not dead or its token has
/// expired.
pub(crate) async fn retry(database: &TenantDb, message: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let statement = "
        UPDATE mail_messages SET
            state = 'waiting', failure = NULL, unanswered = 0,
            next_attempt_at = :now::timestamp AT TIME ZONE 'UTC'
        WHERE id = :id AND state = 'dead' AND variables IS NOT NULL
          AND expires_at > :now::timestamp AT TIME ZONE 'UTC'";
    let statement = Statement::new(statement).bind("id", message).bind("now", now);
    Ok(statement.execute(database.connection()).await? == 1)
}

/// Removes at most `most` messages that were sent before a time. Returns the number of removed messages.
pub(crate) async fn remove_sent(
    database: &TenantDb,
    before: DateTime<Utc>,
    most: i64,
) -> Result<u64> {
    let statement = "
        DELETE FROM mail_messages WHERE id IN (
            SELECT id FROM mail_messages
            WHERE state = 'sent' AND sent_at < :before::timestamp AT TIME ZONE 'UTC'
            ORDER BY sent_at LIMIT :most::bigint)";
    let statement = Statement::new(statement).bind("before", before).bind("most", most);
    Ok(statement.execute(database.connection()).await?)
}
