//! The seals of events in an outbox.
//!
//! A tenant's role may write to the outbox in its database, so the existence of a row proves nothing. The service seals
//! each event with a key that is in no database. The seal binds the event to its chain and its id. A row without a
//! valid seal is forged: see [`crate::audit`].
//!
//! The statement of a change sets a few members that only the database knows, such as the state before the change. The
//! seal names these members and does not cover their values.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    crypto::{AuditCheck, MasterKey},
    error::Result,
    event::{
        Actor,
        content::{self, created_at},
    },
};

/// The members of `detail` that the statement of a change may set.
const FACTS: [&str; 2] = ["detail.before", "detail.after"];
/// The members that identify the user of a setup token, which only the database knows.
pub(crate) const ACTOR: [&str; 4] = ["actor_type", "actor_id", "resource_type", "resource_id"];
/// The number of hexadecimal digits of a seal.
const SEAL_DIGITS: usize = 64;

/// Seals an event. The statement of the change may set the `open` members and the facts.
pub(crate) fn seal(
    key: &MasterKey,
    tenant: Option<Uuid>,
    id: Uuid,
    entry: &mut Json,
    open: &[&str],
) -> Result<()> {
    let facts = FACTS.into_iter().filter(|fact| {
        let name = fact.trim_start_matches("detail.");
        entry["detail"].get(name).is_none()
    });
    let open: Vec<String> = facts.chain(open.iter().copied()).map(str::to_owned).collect();
    let seal = key.waiting_event_seal(&parts(tenant, id, entry, &open).slices())?;
    entry["open"] = json!(open);
    entry["seal"] = json!(base16ct::lower::encode_string(&seal));
    Ok(())
}

/// The judgement of a row of an outbox.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The service has written it.
    Genuine(Json),
    /// It has no seal: either the previous release has written it, or it is forged.
    Unsealed(Json),
    /// The service has not written it.
    Forged(Reason),
}

/// The reason why a row is forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// It has no seal, and was written after every instance could seal.
    Unsealed,
    /// Its seal belongs to another event, chain or key.
    InvalidSeal,
    /// It is too large, or not an event.
    Malformed,
    /// It belongs to a dropped month: an old event was inserted again.
    Replayed,
}

impl Reason {
    /// Returns the name in the log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unsealed => "without a seal",
            Self::InvalidSeal => "with an invalid seal",
            Self::Malformed => "malformed",
            Self::Replayed => "from a dropped month",
        }
    }
}

/// Judges a row that waits for the chain of `tenant`. `entry` is `None` if the row is too large.
pub(crate) fn judge(
    check: &mut AuditCheck<'_>,
    tenant: Option<Uuid>,
    id: Uuid,
    entry: Option<Json>,
) -> Result<Verdict> {
    let Some(mut entry) = entry.filter(is_event) else {
        return Ok(Verdict::Forged(Reason::Malformed));
    };
    // Cannot fail: `is_event` accepts only objects.
    let Some(members) = entry.as_object_mut() else {
        return Ok(Verdict::Forged(Reason::Malformed));
    };
    let (open, seal) = (members.remove("open"), members.remove("seal"));
    let (open, seal) = match (open, seal) {
        (None, None) if has_known_actor(&entry) => return Ok(Verdict::Unsealed(entry)),
        (None, None) => return Ok(Verdict::Forged(Reason::Malformed)),
        (Some(Json::Array(open)), Some(Json::String(seal))) if seal.len() == SEAL_DIGITS => {
            (open, seal)
        }
        _ => return Ok(Verdict::Forged(Reason::InvalidSeal)),
    };
    let names = open.iter().map(|name| name.as_str().map(str::to_owned));
    let (Some(open), Some(seal)) =
        (names.collect::<Option<Vec<_>>>(), base16ct::mixed::decode_vec(&seal).ok())
    else {
        return Ok(Verdict::Forged(Reason::InvalidSeal));
    };
    let is_ours = check.is_waiting_event(&parts(tenant, id, &entry, &open).slices(), &seal)?;
    // A statement that sets the actor must not invent another kind either.
    let is_actor_open = open.iter().any(|name| name == "actor_type");
    Ok(match (is_ours, is_actor_open) {
        (false, _) => Verdict::Forged(Reason::InvalidSeal),
        (true, true) if !has_known_actor(&entry) => Verdict::Forged(Reason::Malformed),
        (true, _) => Verdict::Genuine(entry),
    })
}

/// The parts that a seal covers.
struct Parts {
    tenant: Vec<u8>,
    id: Uuid,
    open: String,
    content: String,
}

impl Parts {
    fn slices(&self) -> [&[u8]; 4] {
        [&self.tenant, self.id.as_bytes(), self.open.as_bytes(), self.content.as_bytes()]
    }
}

fn parts(tenant: Option<Uuid>, id: Uuid, entry: &Json, open: &[String]) -> Parts {
    let is_open = |name: &str| open.iter().any(|member| member == name);
    let mut detail = entry["detail"].clone();
    if let Some(members) = detail.as_object_mut() {
        members.retain(|name, _| !is_open(&format!("detail.{name}")));
    }
    let mut content = String::new();
    for name in content::FIELDS {
        let value = match name {
            "detail" => &detail,
            _ if is_open(name) => &Json::Null,
            _ => &entry[name],
        };
        write_canonical(&mut content, value);
        content.push('\n');
    }
    Parts {
        tenant: tenant.map(|tenant| tenant.as_bytes().to_vec()).unwrap_or_default(),
        id,
        open: json!(open).to_string(),
        content,
    }
}

/// Writes a value in a canonical form, which is the same before and after PostgreSQL has stored it as `jsonb`.
fn write_canonical(text: &mut String, value: &Json) {
    match value {
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => text.push_str(&number.to_string()),
            (_, Some(number), _) => text.push_str(&number.to_string()),
            // `jsonb` writes numbers without an exponent, and has no negative zero.
            (.., Some(number)) => text.push_str(&(number + 0.0).to_string()),
            // Only with the feature `arbitrary_precision` of `serde_json`.
            _ => text.push_str(&number.to_string()),
        },
        Json::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(text, item);
                text.push(',');
            }
            text.push(']');
        }
        Json::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|member| member.0);
            text.push('{');
            for (name, value) in members {
                text.push_str(&Json::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(text, value);
                text.push(',');
            }
            text.push('}');
        }
        Json::Null | Json::Bool(_) | Json::String(_) => text.push_str(&value.to_string()),
    }
}

/// Returns whether a value is an event that the trail can store. Any other value would block the events after it.
fn is_event(entry: &Json) -> bool {
    let text = |name: &str| entry[name].as_str();
    let is_one_of =
        |name: &str, values: &[&str]| text(name).is_some_and(|own| values.contains(&own));
    let optional =
        ["actor_id", "resource_type", "resource_id", "address", "user_agent", "request_id"];
    let is_name = |name: &str| {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
        };
        name.contains('.') && name.split('.').all(is_word)
    };
    text("event").is_some_and(is_name)
        && is_one_of("severity", &["info", "warning", "critical"])
        && is_one_of("result", &["success", "failure"])
        && text("actor_type").is_some()
        && optional.iter().all(|name| entry[*name].is_null() || entry[*name].is_string())
        && entry["detail"].is_object()
        && text("created_at").is_some_and(|time| created_at(time).is_some())
}

/// Returns whether the trail knows the kind of an actor. Sealed events have only the service's own kinds.
fn has_known_actor(entry: &Json) -> bool {
    entry["actor_type"].as_str().is_some_and(|kind| Actor::KINDS.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const TENANT: Uuid = Uuid::from_u128(1);
    const ID: Uuid = Uuid::from_u128(2);

    fn ring(current: &str, others: &[&str]) -> MasterKey {
        let others: Vec<_> = others.iter().map(|text| Secret::from((*text).to_owned())).collect();
        MasterKey::derive(&Secret::from(current.to_owned()), &others).unwrap()
    }

    fn entry() -> Json {
        json!({
            "event": "user.updated", "severity": "info", "result": "success",
            "actor_type": "user", "actor_id": "a", "resource_type": null, "resource_id": null,
            "address": "127.0.0.1", "user_agent": null, "request_id": null,
            "detail": { "size": 100.0, "share": 1e-7, "many": 1e25, "zero": -0.0 },
            "created_at": "2026-11-26T12:00:00.000000Z",
        })
    }

    const KEY: &str = "a master key of thirty-two bytes";

    fn sealed(open: &[&str]) -> Json {
        let mut entry = entry();
        seal(&ring(KEY, &[]), Some(TENANT), ID, &mut entry, open).unwrap();
        entry
    }

    fn verdict(key: &MasterKey, tenant: Option<Uuid>, id: Uuid, entry: &Json) -> Verdict {
        judge(&mut key.audit_check(), tenant, id, Some(entry.clone())).unwrap()
    }

    fn is_genuine(entry: &Json) -> bool {
        matches!(verdict(&ring(KEY, &[]), Some(TENANT), ID, entry), Verdict::Genuine(_))
    }

    // S37
    #[test]
    fn seal_is_valid_for_its_chain_id_and_key_only() {
        let key = ring(KEY, &[]);
        let sealed = sealed(&[]);
        assert!(is_genuine(&sealed));
        let turned = ring("another master key of as many...", &[KEY]);
        assert!(matches!(verdict(&turned, Some(TENANT), ID, &sealed), Verdict::Genuine(_)));
        let forged = Verdict::Forged(Reason::InvalidSeal);
        let other = ring("another master key of as many...", &[]);
        assert_eq!(verdict(&other, Some(TENANT), ID, &sealed), forged);
        assert_eq!(verdict(&key, None, ID, &sealed), forged);
        assert_eq!(verdict(&key, Some(ID), ID, &sealed), forged);
        assert_eq!(verdict(&key, Some(TENANT), TENANT, &sealed), forged);
    }

    // S37
    #[test]
    fn changed_member_breaks_the_seal() {
        let sealed = sealed(&[]);
        for name in content::FIELDS {
            let mut changed = sealed.clone();
            changed[name] = match name {
                "event" => json!("user.created"),
                "severity" => json!("warning"),
                "result" => json!("failure"),
                "actor_type" => json!("system"),
                "detail" => json!({ "size": 100.0, "share": 1e-7, "many": 1e25, "more": 1 }),
                "created_at" => json!("2026-11-26T12:00:00.000001Z"),
                _ => json!("another"),
            };
            assert!(!is_genuine(&changed), "{name}");
        }
        let mut opened = sealed.clone();
        opened["open"].as_array_mut().unwrap().push(json!("actor_id"));
        assert!(!is_genuine(&opened));
    }

    #[test]
    fn statement_fills_in_open_members() {
        let mut filled = sealed(&ACTOR);
        filled["detail"]["before"] = json!({ "role": "user" });
        filled["detail"]["after"] = json!(null);
        filled["actor_id"] = json!("known to the database only");
        assert!(is_genuine(&filled));
        filled["actor_type"] = json!("nobody");
        assert!(!is_genuine(&filled));
        filled["actor_type"] = json!("user");
        filled["detail"]["other"] = json!(1);
        assert!(!is_genuine(&filled));
        // The seal covers a fact that the service itself has stated.
        let mut stated = entry();
        stated["detail"]["before"] = json!(1);
        seal(&ring(KEY, &[]), Some(TENANT), ID, &mut stated, &[]).unwrap();
        assert!(is_genuine(&stated));
        stated["detail"]["before"] = json!(2);
        assert!(!is_genuine(&stated));
    }

    #[test]
    fn jsonb_form_of_a_number_is_the_same() {
        let mut stored = sealed(&[]);
        let text = r#"{ "size": 100.0, "share": 0.0000001, "many": 10000000000000000000000000, "zero": 0 }"#;
        stored["detail"] = serde_json::from_str(text).unwrap();
        assert!(is_genuine(&stored));
        stored["detail"]["size"] = json!("100");
        assert!(!is_genuine(&stored));
    }

    #[test]
    fn malformed_row_is_forged() {
        let key = ring(KEY, &[]);
        let judge =
            |entry: Option<Json>| judge(&mut key.audit_check(), Some(TENANT), ID, entry).unwrap();
        assert_eq!(judge(None), Verdict::Forged(Reason::Malformed));
        for (name, value) in [
            ("event", json!("no name")),
            ("event", json!("made_up")),
            ("severity", json!("loud")),
            ("result", json!(null)),
            ("actor_type", json!("nobody")),
            ("actor_type", json!(null)),
            ("actor_id", json!(1)),
            ("request_id", json!({})),
            ("detail", json!([])),
            ("created_at", json!("2026-11-26 12:00:00")),
            ("created_at", json!("2026-11-26T12:00:00.000000+00:00")),
            ("created_at", json!("2026-11-26T12:00:00Z")),
            ("created_at", json!("infinity")),
        ] {
            let mut bad = entry();
            bad[name] = value.clone();
            assert_eq!(judge(Some(bad)), Verdict::Forged(Reason::Malformed), "{name} {value}");
        }
        for bad in [json!(null), json!([]), json!("text"), json!({})] {
            assert_eq!(judge(Some(bad)), Verdict::Forged(Reason::Malformed));
        }
        assert!(matches!(judge(Some(entry())), Verdict::Unsealed(_)));
        for (name, value) in [("seal", json!("00")), ("seal", json!(7)), ("open", json!([1]))] {
            let mut bad = sealed(&[]);
            bad[name] = value;
            assert_eq!(judge(Some(bad)), Verdict::Forged(Reason::InvalidSeal), "{name}");
        }
    }
}
