//! Operator keys: the named credentials of the platform's operators and of their automation.
//!
//! A key has scopes, an expiry and the networks from which it is accepted, and each event of the audit trail names it.
//! The catalog stores its hash. Each request reads the row again, in one statement and without a cache, so a change takes
//! effect on the next request at every instance. Administration is rare enough for that.
//!
//! `ADMIN_API_KEY` creates the first key and remains for emergencies (break-glass): it has every scope and no bounds.
//! Once there are operator keys, the first use of it in an hour is an event of the platform's chain.

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

use authority::Bounds;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    access::OperatorScope,
    api_key::KeyName,
    audit::{self, Actor, Entry, Event, Severity},
    error::{Error, Result},
    http::fields::{Patch, Text as _},
    log,
    networks::Networks,
    remembered::Remembered,
    tenancy::Tenancy,
};

/// The most keys that are not revoked.
pub const MOST: i64 = 100;

/// The properties of a key that its managers choose.
pub struct NewOperatorKey {
    /// The name that the audit trail shows.
    pub name: KeyName,
    /// The routes that it may call.
    pub scopes: Vec<OperatorScope>,
    /// The time at which it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The networks from which it is accepted; `None` stands for every network.
    pub allowed_networks: Option<Networks>,
}

/// The changes of a key.
pub struct OperatorKeyChange {
    /// The name that the audit trail shows.
    pub name: Option<KeyName>,
    /// The routes that it may call.
    pub scopes: Option<Vec<OperatorScope>>,
    /// The time at which it expires.
    pub expires_at: Patch<DateTime<Utc>>,
    /// The networks from which it is accepted.
    pub allowed_networks: Patch<Networks>,
}

/// Why a key that exists is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It was revoked.
    Revoked,
    /// It has expired, or was rotated and its overlap is over.
    Expired,
    /// It is not accepted from the address of the client.
    Network,
}

impl Refusal {
    /// Its name in the audit trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Network => "network",
        }
    }
}

/// Why operator keys cannot be managed as the caller asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// There is no such key.
    NotFound,
    /// There are as many keys as allowed.
    TooMany,
    /// The caller does not hold a scope of the key.
    ScopeNotHeld {
        /// The scope.
        scope: &'static str,
    },
    /// The key has a later expiry or wider networks than the key of the caller.
    Stronger,
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::OperatorKey(error)
    }
}

/// The facts about operator credentials that an instance remembers. None of them grants anything.
#[derive(Default)]
pub(crate) struct Seen {
    /// Hashes of keys that were valid: a network with many misses does not keep them from being looked up.
    valid: Remembered<[u8; 32], ()>,
    /// The hour, since the epoch, in which a use of `ADMIN_API_KEY` is recorded already.
    break_glass_hour: Cell<Option<i64>>,
}

impl Seen {
    /// Whether a key was valid before.
    pub(crate) fn was_valid(&self, hash: &[u8; 32]) -> bool {
        self.valid.get(hash).is_some()
    }

    /// Remembers that a key was valid.
    pub(crate) fn put_valid(&self, hash: [u8; 32]) {
        self.valid.put(hash, Rc::new(()));
    }
}

/// Creates a key. Its text is returned only here.
///
/// # Errors
/// [`Error::InvalidFields`] for an expiry in the past and for bounds beyond those of the caller;
/// [`KeyError::ScopeNotHeld`], [`KeyError::TooMany`]; [`Error::Taken`] if another key has the name.
pub async fn create(
    tenancy: &Rc<Tenancy>,
    new: NewOperatorKey,
    authority: &Authority,
    actor: &Actor,
) -> Result<(OperatorKeyRecord, OperatorKey)> {
    authority.check_wanted(&Bounds::from(&new))?;
    check_expiry(tenancy, new.expires_at)?;
    let random = &*tenancy.platform.random;
    let id = random.uuid(tenancy.platform.clock.now());
    let key = OperatorKey::generate(random);
    let event = Event::new("operator_key.created").about("operator_key", id).detail(describe(&new));
    let entry = Entry::new(tenancy, None, actor, event);
    let catalog = tenancy.catalog().await?;
    let record = repo::insert(&*catalog, id, &key, &new, &entry).await?.ok_or(KeyError::TooMany)?;
    audit::flush_catalog_later(tenancy, None);
    Ok((record, key))
}

/// Changes a key. With `version`, only that version.
///
/// # Errors
/// [`KeyError::NotFound`]; [`KeyError::ScopeNotHeld`], [`KeyError::Stronger`] and [`Error::InvalidFields`] when the key
/// is not within the caller's authority, or would not be after the change; [`Error::Taken`],
/// [`Error::PreconditionFailed`].
pub async fn update(
    tenancy: &Rc<Tenancy>,
    id: Uuid,
    change: &OperatorKeyChange,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<OperatorKeyRecord> {
    let catalog = tenancy.catalog().await?;
    // Another change in between may have put the key beyond the caller's authority.
    loop {
        let old = find(tenancy, id, version).await?;
        authority.check_existing(&old)?;
        let new = change.apply(&old)?;
        authority.check_wanted(&Bounds::from(&new))?;
        if change.expires_at.is_given() {
            check_expiry(tenancy, new.expires_at)?;
        }
        let (before, after) = difference(&describe_record(&old), &describe(&new));
        if after == json!({}) {
            return Ok(old);
        }
        let event = Event::new("operator_key.updated")
            .about("operator_key", id)
            .detail(json!({ "before": before, "after": after }));
        let entry = Entry::new(tenancy, None, actor, event);
        if let Some(record) = repo::update(&*catalog, &old, &new, &entry).await? {
            audit::flush_catalog_later(tenancy, None);
            return Ok(record);
        }
    }
}

/// Gives a key another secret, whose text is returned only here. The secret before stays valid for `overlap`; the secret
/// before that is invalid at once.
///
/// # Errors
/// [`KeyError::NotFound`]; [`KeyError::Stronger`] and [`KeyError::ScopeNotHeld`] when the key is not within the caller's
/// authority; [`Error::PreconditionFailed`].
pub async fn rotate(
    tenancy: &Rc<Tenancy>,
    id: Uuid,
    overlap: TimeDelta,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<(OperatorKeyRecord, OperatorKey)> {
    let catalog = tenancy.catalog().await?;
    loop {
        let old = find(tenancy, id, version).await?;
        authority.check_existing(&old)?;
        let key = OperatorKey::generate(&*tenancy.platform.random);
        let event = Event::new("operator_key.rotated")
            .about("operator_key", id)
            .detail(json!({ "name": old.name, "overlap_seconds": overlap.num_seconds() }));
        let entry = Entry::new(tenancy, None, actor, event);
        if let Some(record) = repo::rotate(&*catalog, &old, &key, overlap, &entry).await? {
            audit::flush_catalog_later(tenancy, None);
            return Ok((record, key));
        }
    }
}

/// Revokes a key for good.
///
/// # Errors
/// [`KeyError::NotFound`], also for a key that was revoked before; [`KeyError::Stronger`] and
/// [`KeyError::ScopeNotHeld`] when the key is not within the caller's authority; [`Error::PreconditionFailed`].
pub async fn revoke(
    tenancy: &Rc<Tenancy>,
    id: Uuid,
    version: Option<i64>,
    authority: &Authority,
    actor: &Actor,
) -> Result<()> {
    let catalog = tenancy.catalog().await?;
    loop {
        let old = find(tenancy, id, version).await?;
        authority.check_existing(&old)?;
        let event = Event::new("operator_key.revoked")
            .about("operator_key", id)
            .detail(json!({ "name": old.name }));
        let entry = Entry::new(tenancy, None, actor, event);
        if repo::revoke(&*catalog, &old, &entry).await?.is_some() {
            audit::flush_catalog_later(tenancy, None);
            return Ok(());
        }
    }
}

/// Records a use of `ADMIN_API_KEY` on `route` before its effect. A defect of the record keeps nobody from an emergency.
///
/// # Errors
/// [`Error::Unavailable`] while the catalog is away: then no route of operators works.
pub(crate) async fn record_break_glass(
    tenancy: &Rc<Tenancy>,
    actor: &Actor,
    route: &str,
) -> Result<()> {
    let hour = tenancy.platform.clock.now().timestamp() / 3_600;
    if tenancy.operator_keys.break_glass_hour.get() == Some(hour) {
        return Ok(());
    }
    let event = Event::new("platform.break_glass_used")
        .severity(Severity::Warning)
        .detail(json!({ "route": route }));
    let entry = Entry::new(tenancy, None, actor, event);
    let recorded = async {
        let catalog = tenancy.catalog().await?;
        repo::record_break_glass(&*catalog, &entry).await
    };
    match recorded.await {
        Ok(outcome) => {
            if outcome.has_keys {
                tenancy.operator_keys.break_glass_hour.set(Some(hour));
            }
            if outcome.is_recorded {
                audit::flush_catalog_later(tenancy, None);
            }
        }
        Err(error @ Error::Unavailable { .. }) => return Err(error),
        Err(error) => log::warning(tenancy, "a use of ADMIN_API_KEY is not recorded", &error),
    }
    Ok(())
}

async fn find(tenancy: &Tenancy, id: Uuid, version: Option<i64>) -> Result<OperatorKeyRecord> {
    let record = repo::find(&*tenancy.catalog().await?, id).await?.ok_or(KeyError::NotFound)?;
    if version.is_some_and(|version| version != record.version) {
        return Err(Error::PreconditionFailed);
    }
    Ok(record)
}

fn check_expiry(tenancy: &Tenancy, expires_at: Option<DateTime<Utc>>) -> Result<()> {
    if expires_at.is_some_and(|end| end <= tenancy.platform.clock.now()) {
        return Err(Error::invalid_field("expires_at", "must be in the future"));
    }
    Ok(())
}

impl OperatorKeyChange {
    /// Returns the properties of a key after this change.
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

/// Returns the members in which two objects of the same members differ: as they were, and as they become.
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
