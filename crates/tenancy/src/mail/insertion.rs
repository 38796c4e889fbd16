//! Adds a message to the outbox in the statement of its cause.

use chrono::{DateTime, Utc};
use platform::sql::Value;
use uuid::Uuid;

/// The maximum number of messages of a tenant that wait. Concurrent statements can exceed it by one each.
const MOST_WAITING: i64 = 1000;

/// A new message.
pub(crate) struct NewMessage<'a> {
    pub(crate) id: Uuid,
    pub(crate) purpose: &'static str,
    pub(crate) address: &'a str,
    pub(crate) language: &'static str,
    /// The sealed variables.
    pub(crate) variables: Vec<u8>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// Returns the CTE `mailed`, which adds a message for the user in the row of the earlier CTE `changed`. It has no row
/// if the outbox is full: the caller must then return the token itself. Its parameters are those of [`bindings`].
pub(crate) fn mailed_if(changed: &str) -> String {
    format!(
        "mailed AS (
            INSERT INTO mail_messages (id, user_id, purpose, address, language, variables,
                                       next_attempt_at, created_at, expires_at)
            SELECT :mail_id::uuid, c.id, :mail_purpose::text, :mail_address::text, :mail_language::text,
                   :mail_variables::bytea, :mail_now::timestamp AT TIME ZONE 'UTC',
                   :mail_now::timestamp AT TIME ZONE 'UTC', :mail_expires_at::timestamp AT TIME ZONE 'UTC'
            FROM {changed} c
            WHERE {MOST_WAITING} > (SELECT count(*) FROM mail_messages WHERE state IN ('waiting', 'sending'))
            LIMIT 1
            RETURNING id
        )"
    )
}

/// Returns the parameters of [`mailed_if`].
pub(crate) fn bindings(message: NewMessage<'_>) -> [(&'static str, Value); 7] {
    [
        ("mail_id", message.id.into()),
        ("mail_purpose", message.purpose.into()),
        ("mail_address", message.address.into()),
        ("mail_language", message.language.into()),
        ("mail_variables", message.variables.into()),
        ("mail_now", message.now.into()),
        ("mail_expires_at", message.expires_at.into()),
    ]
}
