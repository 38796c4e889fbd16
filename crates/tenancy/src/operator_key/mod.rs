//! Operator keys: the named credentials of the platform's operators and of their automation.
//!
//! A key has scopes, an expiry and the networks from which it is accepted. Each event in the audit trail contains the
//! name of the key. The catalog stores the hash of the key. Each request reads the row with one statement and without a
//! cache, so a change takes effect on the next request at every instance. Administration is rare enough for that.
//!
//! `ADMIN_API_KEY` creates the first key and remains for emergencies (break-glass): it has every scope and no limits.
//! Once there are operator keys, its first use in an hour is recorded in the platform's audit trail.

mod authority;
mod key;
mod record;
pub mod repo;
mod request;

pub use authority::Authority;
pub use key::OperatorKey;
pub use record::{OperatorKeyRecord, OperatorKeyView, ShownOnce};
pub use request::{NewOperatorKeyRequest, OperatorKeyChangeRequest};

use std::{cell::Cell, rc::Rc};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    access::OperatorScope,
    api_key::KeyName,
    audit,
    context::Context,
    error::{Error, OperatorKeyError, Result},
    event::{Actor, Entry, Event, Severity, name},
    input::{Patch, Text as _},
    instance_cache::InstanceCache,
    log,
    networks::Networks,
};
use authority::Bounds;

/// The maximum number of keys that are not revoked.
pub const MOST: i64 = 100;

/// The properties of a new key.
pub struct NewOperatorKey {
    /// The name in the audit trail.
    pub name: KeyName,
    /// The scopes of the key.
    pub scopes: Vec<OperatorScope>,
    /// The time at which the key expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The networks from which the key is accepted, or `None` for every network.
    pub allowed_networks: Option<Networks>,
}

/// An update of a key.
pub struct OperatorKeyChange {
    /// The name in the audit trail.
    pub name: Option<KeyName>,
    /// The scopes of the key.
    pub scopes: Option<Vec<OperatorScope>>,
    /// The time at which the key expires.
    pub expires_at: Patch<DateTime<Utc>>,
    /// The networks from which the key is accepted.
    pub allowed_networks: Patch<Networks>,
}

/// The reason why an existing key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The key was revoked.
    Revoked,
    /// The key has expired, or its secret was rotated and the overlap is over.
    Expired,
    /// The key is not accepted from the address of the client.
    Network,
}

impl Refusal {
    /// Returns the name of the reason in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Network => "network",
        }
    }
}

/// The facts about operator credentials that an instance caches. None of them grants access.
#[derive(Default)]
pub struct Seen {
    /// The hashes of keys that were valid. They are looked up even if their network has caused many misses.
    valid: InstanceCache<[u8; 32], ()>,
    /// The hour since the epoch for which a use of `ADMIN_API_KEY` is already recorded.
    break_glass_hour: Cell<Option<i64>>,
}

impl Seen {
    /// Returns whether a key was valid earlier.
    pub fn was_valid(&self, hash: &[u8; 32]) -> bool {
        self.valid.get(hash).is_some()
    }

    /// Caches the fact that a key was valid.
    pub fn put_valid(&self, hash: [u8; 32]) {
        self.valid.put(hash, Rc::new(()));
    }
}

/// Creates a key. Only this function returns its text.
///
/// # Errors
/// [`Error::InvalidFields`] for an expiry in the past and for properties that exceed the caller's;
/// [`OperatorKeyError::ScopeNotHeld`], [`OperatorKeyError::TooMany`]; [`Error::Taken`] if another key has the name.
pub async fn create(
    context: &Rc<Context>,
    new: NewOperatorKey,
    authority: &Authority,
    actor: &Actor,
) -> Result<(OperatorKeyRecord, OperatorKey)> {
    authority.check_wanted(&Bounds::from(&new))?;
    check_expiry(context, new.expires_at)?;
    let random = &*context.platform.random;
    let id = random.uuid(context.platform.clock.now());
    let key = OperatorKey::generate(random);
    let event =
        Event::new(name::OPERATOR_KEY_CREATED).about("operator_key", id).detail(describe(&new));
    let entry = Entry::new(context, None, actor, event);
    let catalog = context.catalog().await?;
    let record =
        repo::insert(&*catalog, id, &key, &new, &entry).await?.ok_or(OperatorKeyError::TooMany)?;
    audit::flush_catalog_later(context, None);
    Ok((record, key))
}

/// Updates a key. If `version` is given, updates only that version.
///
/// # Errors
/// [`OperatorKeyError::NotFound`]; [`OperatorKeyError::ScopeNotHeld`], [`OperatorKeyError::Stronger`] and
/// [`Error::InvalidFields`] if the key exceeds the caller's authority before or after the update; [`Error::Taken`],
/// [`Error::PreconditionFailed`].
pub async fn update(
    context: &Rc<Context>,
    id: Uuid,
    change: &OperatorKeyChange,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<OperatorKeyRecord> {
    let catalog = context.catalog().await?;
    // A concurrent update may have put the key beyond the caller's authority.
    loop {
        let old = find(context, id, version).await?;
        authority.check_existing(&old)?;
        let new = change.apply(&old)?;
        authority.check_wanted(&Bounds::from(&new))?;
        if change.expires_at.is_given() {
            check_expiry(context, new.expires_at)?;
        }
        let (before, after) = difference(&describe_record(&old), &describe(&new));
        if after == json!({}) {
            return Ok(old);
        }
        let event = Event::new(name::OPERATOR_KEY_UPDATED)
            .about("operator_key", id)
            .detail(json!({ "before": before, "after": after }));
        let entry = Entry::new(context, None, actor, event);
        if let Some(record) = repo::update(&*catalog, &old, &new, &entry).await? {
            audit::flush_catalog_later(context, None);
            return Ok(record);
        }
    }
}

/// Replaces the secret of a key. Only this function returns the new text. The previous secret stays valid for
/// `overlap`. The secret before it becomes invalid at once.
///
/// # Errors
/// [`OperatorKeyError::NotFound`]; [`OperatorKeyError::Stronger`] and [`OperatorKeyError::ScopeNotHeld`] if the key
/// exceeds the caller's authority; [`Error::PreconditionFailed`].
pub async fn rotate(
    context: &Rc<Context>,
    id: Uuid,
    overlap: TimeDelta,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<(OperatorKeyRecord, OperatorKey)> {
    let catalog = context.catalog().await?;
    loop {
        let old = find(context, id, version).await?;
        authority.check_existing(&old)?;
        let key = OperatorKey::generate(&*context.platform.random);
        let event = Event::new(name::OPERATOR_KEY_ROTATED)
            .about("operator_key", id)
            .detail(json!({ "name": old.name, "overlap_seconds": overlap.num_seconds() }));
        let entry = Entry::new(context, None, actor, event);
        if let Some(record) = repo::rotate(&*catalog, &old, &key, overlap, &entry).await? {
            audit::flush_catalog_later(context, None);
            return Ok((record, key));
        }
    }
}

/// Revokes a key permanently.
///
/// # Errors
/// [`OperatorKeyError::NotFound`], also for a key that was already revoked; [`OperatorKeyError::Stronger`] and
/// [`OperatorKeyError::ScopeNotHeld`] if the key exceeds the caller's authority; [`Error::PreconditionFailed`].
pub async fn revoke(
    context: &Rc<Context>,
    id: Uuid,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<()> {
    let catalog = context.catalog().await?;
    loop {
        let old = find(context, id, version).await?;
        authority.check_existing(&old)?;
        let event = Event::new(name::OPERATOR_KEY_REVOKED)
            .about("operator_key", id)
            .detail(json!({ "name": old.name }));
        let entry = Entry::new(context, None, actor, event);
        if repo::revoke(&*catalog, &old, &entry).await?.is_some() {
            audit::flush_catalog_later(context, None);
            return Ok(());
        }
    }
}

/// Records a use of `ADMIN_API_KEY` on `route` before it takes effect. A defect in the recording does not block access
/// in an emergency.
///
/// # Errors
/// [`Error::Unavailable`] while the catalog is unavailable, because then no operator route works.
pub async fn record_break_glass(context: &Rc<Context>, actor: &Actor, route: &str) -> Result<()> {
    let hour = context.platform.clock.now().timestamp() / 3_600;
    if context.state::<Seen>().break_glass_hour.get() == Some(hour) {
        return Ok(());
    }
    let event = Event::new(name::PLATFORM_BREAK_GLASS_USED)
        .severity(Severity::Warning)
        .detail(json!({ "route": route }));
    let entry = Entry::new(context, None, actor, event);
    let recorded = async {
        let catalog = context.catalog().await?;
        repo::record_break_glass(&*catalog, &entry).await
    };
    match recorded.await {
        Ok(outcome) => {
            if outcome.has_keys {
                context.state::<Seen>().break_glass_hour.set(Some(hour));
            }
            if outcome.is_recorded {
                audit::flush_catalog_later(context, None);
            }
        }
        Err(error @ Error::Unavailable { .. }) => return Err(error),
        Err(error) => log::warning(context, "could not record a use of ADMIN_API_KEY", &error),
    }
    Ok(())
}

async fn find(context: &Context, id: Uuid, version: Option<i64>) -> Result<OperatorKeyRecord> {
    let record =
        repo::find(&*context.catalog().await?, id).await?.ok_or(OperatorKeyError::NotFound)?;
    if version.is_some_and(|version| version != record.version) {
        return Err(Error::PreconditionFailed);
    }
    Ok(record)
}

fn check_expiry(context: &Context, expires_at: Option<DateTime<Utc>>) -> Result<()> {
    if expires_at.is_some_and(|end| end <= context.platform.clock.now()) {
        return Err(Error::invalid_field("expires_at", "must be in the future"));
    }
    Ok(())
}

impl OperatorKeyChange {
    /// Returns the properties of a key after this update.
    fn apply(&self, old: &OperatorKeyRecord) -> Result<NewOperatorKey> {
        fn changed<T: Clone>(patch: &Patch<T>, current: Option<&T>) -> Option<T> {
            match patch {
                Patch::Keep => current.cloned(),
                Patch::Clear => None,
                Patch::Set(value) => Some(value.clone()),
            }
        }
        let name = match &self.name {
            Some(name) => name.clone(),
            None => KeyName::parse(&old.name).map_err(Error::internal)?,
        };
        Ok(NewOperatorKey {
            name,
            scopes: self.scopes.clone().unwrap_or_else(|| old.scopes.clone()),
            expires_at: changed(&self.expires_at, old.expires_at.as_ref()),
            allowed_networks: changed(&self.allowed_networks, old.allowed_networks.as_ref()),
        })
    }
}

impl<'a> From<&'a NewOperatorKey> for Bounds<'a> {
    fn from(new: &'a NewOperatorKey) -> Self {
        Self {
            scopes: &new.scopes,
            expires_at: new.expires_at,
            allowed_networks: new.allowed_networks.as_ref(),
        }
    }
}

/// Returns the properties of a key for the audit trail.
fn describe(new: &NewOperatorKey) -> Json {
    details(new.name.as_str(), &Bounds::from(new))
}

fn describe_record(record: &OperatorKeyRecord) -> Json {
    details(&record.name, &Bounds::from(record))
}

fn details(name: &str, bounds: &Bounds<'_>) -> Json {
    json!({
        "name": name,
        "scopes": bounds.scopes,
        "expires_at": bounds.expires_at,
        "allowed_networks": bounds.allowed_networks.map(Networks::texts),
    })
}

/// Returns the members that differ between two objects with the same members: the old values and the new values.
fn difference(before: &Json, after: &Json) -> (Json, Json) {
    let mut parts = (json!({}), json!({}));
    for (name, value) in after.as_object().into_iter().flatten() {
        if before[name] != *value {
            parts.0[name] = before[name].clone();
            parts.1[name] = value.clone();
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changed_properties_are_recorded() {
        let before = json!({ "name": "a", "scopes": ["audit:read"], "expires_at": null });
        let after = json!({ "name": "b", "scopes": ["audit:read"], "expires_at": null });
        let (was, became) = difference(&before, &after);
        assert_eq!((was, became), (json!({ "name": "a" }), json!({ "name": "b" })));
        assert_eq!(difference(&after, &after), (json!({}), json!({})));
    }
}
