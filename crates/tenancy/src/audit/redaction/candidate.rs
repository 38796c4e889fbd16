//! The rows of a trail that may identify a person.

use platform::sql::{Connection, Statement};
use uuid::Uuid;

use super::{
    super::{
        rows::{self, StoredRow},
        trail::LoggedEvent,
    },
    person::{Person, remove_names},
};
use crate::{error::Result, event::name};

/// The number of rows of [`candidates`] at most.
pub(super) const BATCH: i64 = 500;

/// A row that may identify a person.
pub(super) struct Candidate {
    pub(super) row: StoredRow,
    /// The MAC of the row before; `None` if there is no such row.
    pub(super) previous: Option<Vec<u8>>,
    /// Whether the row is about a session of the user.
    is_of_session: bool,
}

impl Candidate {
    /// Returns whether the event records a request of the person: the actor is the user, or a caller without a credential
    /// that used the account of the user.
    pub(super) fn is_of(&self, person: &Person) -> bool {
        let event = &self.row.event;
        let user = person.user.to_string();
        let is_about = self.is_of_session
            || (event.resource_type.as_deref() == Some("user")
                && event.resource_id.as_ref() == Some(&user));
        match event.actor_type.as_str() {
            "user" => event.actor_id.as_ref() == Some(&user),
            "anonymous" => is_about,
            _ => false,
        }
    }

    /// Returns the event without the values that identify the person; `None` if it has none.
    pub(super) fn without(&self, person: &Person) -> Option<LoggedEvent> {
        let mut event = self.row.event.clone();
        if self.is_of(person) {
            (event.address, event.user_agent) = (None, None);
        }
        remove_names(&event.event, &mut event.detail, person);
        let before = &self.row.event;
        let is_same = (&event.address, &event.user_agent, &event.detail)
            == (&before.address, &before.user_agent, &before.detail);
        (!is_same).then_some(event)
    }
}

/// Returns the next rows that may identify a person.
pub(super) async fn candidates(
    catalog: &dyn Connection,
    tenant: Uuid,
    person: &Person,
    after: i64,
) -> Result<Vec<Candidate>> {
    let statement = format!(
        "WITH sessions AS MATERIALIZED (
             SELECT s.resource_id FROM tenant_audit_logs s
             WHERE s.tenant_id = :tenant::uuid AND s.actor_id = :user::text AND s.event = '{login}'
         )
         SELECT {columns},
                (SELECT p.mac FROM tenant_audit_logs p
                 WHERE p.tenant_id = l.tenant_id AND p.sequence = l.sequence - 1 LIMIT 1) AS previous,
                l.resource_type = 'session'
                    AND EXISTS (SELECT FROM sessions s WHERE s.resource_id = l.resource_id) AS is_of_session
         FROM tenant_audit_logs l
         WHERE l.tenant_id = :tenant AND l.sequence > :after AND (
             l.actor_id = :user OR l.resource_id = :user OR l.event LIKE 'api\\_key.%' OR l.event LIKE 'tenant.%'
             OR (l.resource_type = 'session' AND l.resource_id IN (SELECT s.resource_id FROM sessions s)))
         ORDER BY l.sequence LIMIT {BATCH}",
        login = name::AUTH_LOGIN,
        columns = rows::COLUMNS,
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("user", person.user.to_string())
        .bind("after", after);
    let rows = statement.query(catalog).await?;
    rows.iter()
        .map(|row| {
            Ok(Candidate {
                row: StoredRow::read(row)?,
                previous: row.get("previous")?,
                is_of_session: row.get::<Option<bool>>("is_of_session")?.unwrap_or(false),
            })
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::{super::person::tests::person, *};

    /// Returns a row about the user of [`person`].
    pub(in crate::audit::redaction) fn row(actor: &str, actor_id: Option<Uuid>) -> StoredRow {
        let event = LoggedEvent {
            id: Uuid::from_u128(1),
            tenant_id: Some(Uuid::from_u128(2)),
            sequence: 3,
            event: "user.updated".to_owned(),
            severity: "info".to_owned(),
            result: "success".to_owned(),
            actor_type: actor.to_owned(),
            actor_id: actor_id.map(|id| id.to_string()),
            resource_type: Some("user".to_owned()),
            resource_id: Some(person().user.to_string()),
            address: Some("192.0.2.1".to_owned()),
            user_agent: Some("a browser".to_owned()),
            request_id: Some("r".to_owned()),
            detail: json!({ "name": "Ursula" }),
            is_redacted: false,
            created_at: DateTime::UNIX_EPOCH,
        };
        StoredRow { event, mac: vec![1; 32], redaction: None }
    }

    #[test]
    fn only_requests_of_the_person_are_redacted() {
        let other = Uuid::from_u128(9);
        for (actor, id, expected) in [
            ("user", Some(person().user), true),
            ("anonymous", None, true),
            ("user", Some(other), false),
            ("api_key", Some(other), false),
            ("platform", None, false),
        ] {
            let candidate = Candidate { row: row(actor, id), previous: None, is_of_session: false };
            let without = candidate.without(&person());
            assert_eq!(without.is_some(), expected, "{actor}");
            if let Some(event) = without {
                assert_eq!((event.address, event.user_agent), (None, None));
                // The details of other events contain no names of people.
                assert_eq!(event.detail, json!({ "name": "Ursula" }));
            }
        }
    }
}
