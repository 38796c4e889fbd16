//! Redactions: the removal of the values that identify an erased person from the rows of a trail.
//!
//! A row keeps its place, its MAC, the opaque id of the user and everything that happened. It loses the address and the
//! user agent of the person's requests, and names of the person in the few details that contain names. The MAC covers
//! the former content. So the service verifies a row before it changes it, and then seals the new content together with
//! both MACs. A row that was changed before gets no valid seal: a redaction never makes a forged row genuine.
//!
//! Rows that a voucher covers ([`super::voucher`]) are verified by its digest, and the voucher gets the digest of the new
//! content in the same statement. [`super::rows::revision`] shows every other digest that it is out of date.
//!
//! Under a crash: rows are changed in batches, one statement each. A repetition finds the remaining rows.

use std::collections::HashMap;

use platform::sql::{Connection, SCHEMA_DEADLINE, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    rows::{self, Anchor, StoredRow},
    trail::LoggedEvent,
    voucher::{self, Purpose, RowDigest, Span, Voucher},
};
use crate::{
    context::Context,
    crypto::AuditCheck,
    error::{Error, Result},
    event::name,
    text::nfc,
};

/// The number of rows that one statement changes at most.
const BATCH: i64 = 500;
/// The number of attempts for a batch, if other calls change the same trail.
const TURNS: u32 = 8;
/// The seal of a row that could not be verified. No row has it, so the trail stays invalid at this place.
const NO_SEAL: &[u8] = b"";

/// A person whose identity is removed from a trail.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// The id of the user, which remains in the trail.
    pub user: Uuid,
    /// The e-mail address, if it is still known.
    pub email: Option<String>,
    /// The username, the first and the last name.
    pub names: Vec<String>,
}

impl Person {
    /// Returns whether a name that somebody chose for an object identifies the person.
    pub fn is_named_in(&self, text: &str) -> bool {
        let text = folded(text);
        let has_email = self.email.as_ref().is_some_and(|email| text.contains(&folded(email)));
        has_email || self.names.iter().any(|name| has_words(&text, &folded(name)))
    }
}

/// Returns a text in a form in which texts that differ in case only are equal.
fn folded(text: &str) -> String {
    nfc(&nfc(text).to_lowercase())
}

/// Returns whether a text contains a name as whole words. A name of one or two characters identifies nobody.
fn has_words(text: &str, name: &str) -> bool {
    if name.chars().count() < 3 {
        return false;
    }
    let is_edge = |char: Option<char>| !char.is_some_and(char::is_alphanumeric);
    text.match_indices(name).any(|(start, found)| {
        let (before, after) = (&text[..start], &text[start + found.len()..]);
        is_edge(before.chars().next_back()) && is_edge(after.chars().next())
    })
}

/// The result of a redaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redacted {
    /// The number of rows without a value of the person that had one, including those of earlier calls.
    pub rows: u64,
    /// The number of rows that this call has changed.
    pub changed: u64,
    /// The last row of the trail that was compared with the person.
    pub until: i64,
}

/// Removes the identity of a person from the rows of a tenant's trail after a place.
///
/// # Errors
/// [`Error::Unavailable`] if other calls change the trail at the same time, or a store is unavailable.
pub async fn redact(
    context: &Context,
    tenant: Uuid,
    person: &Person,
    after: i64,
) -> Result<Redacted> {
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
    let mut done = Redacted { rows: 0, changed: 0, until: after };
    let mut turns = 0;
    loop {
        let revision = rows::revision(&*catalog, tenant).await?;
        let rows = candidates(&*catalog, tenant, person, done.until).await?;
        let Some(last) = rows.last().map(|row| row.row.event.sequence) else { return Ok(done) };
        let is_last = rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        let (mut changes, mut redacted_before) = (Vec::new(), 0);
        for candidate in rows {
            match candidate.without(person) {
                Some(event) => changes.push((candidate, event)),
                None => {
                    redacted_before +=
                        u64::from(candidate.is_of(person) && candidate.row.redaction.is_some());
                }
            }
        }
        let count = u64::try_from(changes.len()).unwrap_or(u64::MAX);
        if count > 0 && !change(context, &*catalog, tenant, revision, changes).await? {
            turns += 1;
            if turns == TURNS {
                return Err(Error::unavailable(
                    "other erasures change the audit trail; repeat the call",
                ));
            }
            continue;
        }
        turns = 0;
        done.rows += count + redacted_before;
        done.changed += count;
        done.until = last;
        if is_last {
            return Ok(done);
        }
        context.platform.executor.yield_now().await;
    }
}

/// A row that may identify a person.
struct Candidate {
    row: StoredRow,
    /// The MAC of the row before; `None` if there is no such row.
    previous: Option<Vec<u8>>,
    /// Whether the row is about a session of the user.
    is_of_session: bool,
}

impl Candidate {
    /// Returns whether the event records a request of the person: the actor is the user, or a caller without a credential
    /// that used the account of the user.
    fn is_of(&self, person: &Person) -> bool {
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
    fn without(&self, person: &Person) -> Option<LoggedEvent> {
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

/// Removes names of a person from the only details that contain text about people: the names of API keys, and the
/// contact address of a tenant.
fn remove_names(event: &str, detail: &mut Json, person: &Person) {
    let member = match event.split_once('.') {
        Some(("api_key", _)) => "name",
        Some(("tenant", _)) => "admin_email",
        _ => return,
    };
    for path in [format!("/{member}"), format!("/before/{member}"), format!("/after/{member}")] {
        if let Some(value) = detail.pointer_mut(&path)
            && value.as_str().is_some_and(|text| person.is_named_in(text))
        {
            *value = Json::Null;
        }
    }
}

/// Returns the next rows that may identify a person.
async fn candidates(
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

/// Replaces rows and, if a voucher covers one of them, the voucher. Returns `false` and writes nothing if the chain has
/// another revision by now.
async fn change(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    revision: i64,
    changes: Vec<(Candidate, LoggedEvent)>,
) -> Result<bool> {
    let anchor = rows::anchor(catalog, tenant).await?;
    let vouched = vouched(context, catalog, tenant, anchor.as_ref(), &changes).await?;
    let mut check = context.master_key.audit_check();
    let mut records = Vec::with_capacity(changes.len());
    for (candidate, event) in &changes {
        let Candidate { row, previous, .. } = candidate;
        let sequence = event.sequence;
        let previous = match (&anchor, previous) {
            (Some(anchor), _) if anchor.sequence == sequence - 1 => Some(anchor.mac.as_slice()),
            (_, None) if sequence == 1 => Some(&[][..]),
            (_, previous) => previous.as_deref(),
        };
        let is_verified = match (&vouched, previous) {
            (_, None) => false,
            (Vouched::Covers { until, renewed }, Some(_)) if sequence <= *until => {
                renewed.is_some()
            }
            (_, Some(previous)) => is_intact(&mut check, tenant, previous, row)?,
        };
        let seal = match previous {
            Some(previous) if is_verified => {
                let content = rows::content_of(event);
                let parts = parts(tenant, sequence, previous, &row.mac);
                context.master_key.voucher_seal(&parts.slices(&content))?.to_vec()
            }
            _ => NO_SEAL.to_vec(),
        };
        records.push(json!({
            "id": event.id,
            "created_at": event.created_at,
            "address": event.address,
            "user_agent": event.user_agent,
            // Other details keep the form in which they were stored.
            "detail": (event.detail != row.event.detail).then_some(&event.detail),
            "seal": base16ct::lower::encode_string(&seal),
        }));
    }
    let renewed = match &vouched {
        Vouched::Covers { renewed: Some(span), .. } => Some(span),
        _ => None,
    };
    let seal = renewed.map(|span| span.seal(context, Purpose::Voucher, tenant)).transpose()?;
    let statement = "
        WITH current AS (
            UPDATE tenant_audit_heads SET revision = revision + 1
            WHERE chain = :chain::uuid AND revision = :revision::bigint RETURNING chain
        ), redacted AS (
            UPDATE tenant_audit_logs l
            SET address = r.address, user_agent = r.user_agent, detail = COALESCE(r.detail, l.detail),
                redaction = decode(r.seal, 'hex')
            FROM current, jsonb_to_recordset(:rows) AS r (
                id uuid, created_at timestamptz, address text, user_agent text, detail jsonb, seal text)
            WHERE l.tenant_id = current.chain AND l.created_at = r.created_at AND l.id = r.id
        ), vouched AS (
            UPDATE tenant_audit_vouchers v SET digest = :digest::bytea, seal = :seal::bytea
            FROM current WHERE v.chain = current.chain AND :digest::bytea IS NOT NULL
        )
        SELECT FROM current";
    let statement = Statement::new(statement)
        .bind("chain", tenant)
        .bind("revision", revision)
        .bind("rows", Json::Array(records))
        .bind("digest", renewed.map(|span| span.digest.0.to_vec()))
        .bind("seal", seal.map(|seal| seal.to_vec()));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// The relation of changed rows to the voucher of their chain.
enum Vouched {
    /// No voucher covers one of them.
    No,
    /// A voucher covers the rows up to a place.
    Covers {
        /// The place.
        until: i64,
        /// The rows with their new content; `None` if the present rows do not match the voucher.
        renewed: Option<Span>,
    },
}

/// Verifies the rows of the voucher that covers a changed row, and returns them with their new content.
async fn vouched(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Uuid,
    anchor: Option<&Anchor>,
    changes: &[(Candidate, LoggedEvent)],
) -> Result<Vouched> {
    let begin = anchor.map_or(0, |anchor| anchor.sequence);
    let first = changes.first().map_or(0, |change| change.1.sequence);
    let found = voucher::find(catalog, tenant).await?;
    let Some(Voucher { span, seal }) =
        found.filter(|found| found.span.after == begin && found.span.sequence >= first)
    else {
        return Ok(Vouched::No);
    };
    let voucher = Voucher { span, seal };
    let until = voucher.span.sequence;
    if !voucher.is_sealed(&mut context.master_key.audit_check(), tenant)? {
        return Ok(Vouched::Covers { until, renewed: None });
    }
    let changed: HashMap<i64, &LoggedEvent> =
        changes.iter().map(|(_, event)| (event.sequence, event)).collect();
    let (mut present, mut renewed) = (RowDigest::default(), RowDigest::default());
    let mut last = begin;
    while last < until {
        let page = rows::page(catalog, Some(tenant), last).await?;
        let Some(end) = page.last().map(|row| row.event.sequence) else { break };
        for row in page.iter().filter(|row| row.event.sequence <= until) {
            let content = row.content();
            present.add(&content, &row.mac);
            match changed.get(&row.event.sequence) {
                Some(event) => renewed.add(&rows::content_of(event), &row.mac),
                None => renewed.add(&content, &row.mac),
            }
        }
        last = end;
        context.platform.executor.yield_now().await;
    }
    let is_intact = present == voucher.span.digest;
    let renewed = is_intact.then_some(Span { digest: renewed, ..voucher.span });
    Ok(Vouched::Covers { until, renewed })
}

/// Returns whether a row is the link after `previous` and unchanged, apart from a redaction.
pub(super) fn is_intact(
    check: &mut AuditCheck<'_>,
    chain: Uuid,
    previous: &[u8],
    row: &StoredRow,
) -> Result<bool> {
    let content = row.content();
    match &row.redaction {
        Some(seal) => {
            let parts = parts(chain, row.event.sequence, previous, &row.mac);
            check.is_voucher(&parts.slices(&content), seal)
        }
        None => check.is_link(previous, &content, &row.mac),
    }
}

/// The parts that the seal of a redacted row covers, besides its content.
struct Parts<'a> {
    chain: Uuid,
    sequence: [u8; 8],
    previous: &'a [u8],
    mac: &'a [u8],
}

fn parts<'a>(chain: Uuid, sequence: i64, previous: &'a [u8], mac: &'a [u8]) -> Parts<'a> {
    Parts { chain, sequence: sequence.to_be_bytes(), previous, mac }
}

impl Parts<'_> {
    fn slices<'b>(&'b self, content: &'b [u8]) -> [&'b [u8]; 6] {
        [b"redaction", self.chain.as_bytes(), &self.sequence, self.previous, self.mac, content]
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::{crypto::MasterKey, secret::Secret};

    fn person() -> Person {
        Person {
            user: Uuid::from_u128(7),
            email: Some("ursula@acme.example".to_owned()),
            names: vec![
                "ursula.1".to_owned(),
                "Ursula".to_owned(),
                "Le".to_owned(),
                "Ümit".to_owned(),
            ],
        }
    }

    fn row(actor: &str, actor_id: Option<Uuid>) -> StoredRow {
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
    fn names_match_whole_words() {
        for (text, expected) in [
            ("Key of URSULA@acme.example", true),
            ("ursula's laptop", true),
            ("laptop (ümit)", true),
            ("key ursula.1", true),
            ("ursulas key", false),
            ("le petit prince", false),
            ("deploy", false),
        ] {
            assert_eq!(person().is_named_in(text), expected, "{text}");
        }
        assert!(!Person { user: Uuid::nil(), ..Person::default() }.is_named_in("anything"));
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

    #[test]
    fn names_are_removed_from_details() {
        let person = person();
        let mut detail = json!({
            "name": "Ursula's key", "scopes": ["files:read"],
            "before": { "name": "deploy" }, "after": { "name": "ursula.1" },
        });
        remove_names("api_key.updated", &mut detail, &person);
        let expected = json!({
            "name": null, "scopes": ["files:read"], "before": { "name": "deploy" }, "after": { "name": null },
        });
        assert_eq!(detail, expected);
        let mut detail =
            json!({ "before": { "admin_email": "ursula@acme.example", "name": "Ursula Ltd" } });
        remove_names("tenant.updated", &mut detail, &person);
        assert_eq!(detail, json!({ "before": { "admin_email": null, "name": "Ursula Ltd" } }));
    }

    // S37, S44
    #[test]
    fn seal_covers_content_and_both_macs() {
        let key = Secret::from("a master key of thirty-two bytes".to_owned());
        let key = MasterKey::derive(&key, &[]).unwrap();
        let (chain, previous) = (Uuid::from_u128(2), vec![5; 32]);
        let mut sealed = row("user", None);
        let seal = {
            let parts = parts(chain, 3, &previous, &sealed.mac);
            key.voucher_seal(&parts.slices(&sealed.content())).unwrap()
        };
        sealed.redaction = Some(seal.to_vec());
        let intact = |row: &StoredRow, chain, previous: &[u8]| {
            is_intact(&mut key.audit_check(), chain, previous, row).unwrap()
        };
        assert!(intact(&sealed, chain, &previous));
        assert!(!intact(&sealed, Uuid::from_u128(3), &previous));
        assert!(!intact(&sealed, chain, &[6; 32]));
        sealed.event.address = Some("192.0.2.2".to_owned());
        assert!(!intact(&sealed, chain, &previous));
        sealed.event.address = Some("192.0.2.1".to_owned());
        sealed.mac = vec![2; 32];
        assert!(!intact(&sealed, chain, &previous));
        sealed.mac = vec![1; 32];
        sealed.redaction = Some(NO_SEAL.to_vec());
        assert!(!intact(&sealed, chain, &previous));
    }
}
