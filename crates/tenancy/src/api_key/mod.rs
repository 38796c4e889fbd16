//! API keys: how a tenant's services sign in.
//!
//! A key is kept as its hash, in the catalog. What Redis knows of it is a sealed copy with the
//! version that it has; see [`crate::admission`]. A change writes the catalog first and Redis second.

mod authority;
mod key;
mod record;
pub mod repo;
mod request;

pub use authority::Authority;
pub use key::ApiKey;
pub use record::{ApiKeyRecord, ApiKeyView, CallLimit, Environment, KeyName, Overlap};
pub use request::{NewApiKeyRequest, ShownOnce};

use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use crate::{
    access::Scope,
    admission::{Change, Changed, Effect},
    audit::{self, Actor, Entry, Event},
    error::{Error, Result},
    http::fields::Patch,
    tenancy::Tenancy,
    tenant::Tenant,
};

/// The most keys that a tenant may have at one time.
pub const MOST: i64 = 200;

/// A key to be made.
pub struct NewApiKey {
    /// What its owner calls it.
    pub name: KeyName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// What it is for.
    pub environment: Environment,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// The most calls in a minute.
    pub max_requests_per_minute: Option<CallLimit>,
    /// The most calls in a day of UTC.
    pub max_requests_per_day: Option<CallLimit>,
}

/// What is to change of a key.
pub struct ApiKeyChange {
    /// What its owner calls it.
    pub name: Option<KeyName>,
    /// The most calls in a minute.
    pub max_requests_per_minute: Patch<CallLimit>,
    /// The most calls in a day of UTC.
    pub max_requests_per_day: Patch<CallLimit>,
}

/// Creates a key. Its text is returned this once.
///
/// # Errors
/// [`Error::InvalidFields`] for an expiry in the past or a limit above the limit of the caller, [`Error::ScopeNotHeld`],
/// [`Error::TooManyApiKeys`].
pub async fn create(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    new: NewApiKey,
    authority: &Authority,
    actor: &Actor,
) -> Result<(ApiKeyRecord, ApiKey)> {
    authority.check_new(&new)?;
    let random = &*tenancy.platform.random;
    let now = tenancy.platform.clock.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid_field("expires_at", "must be in the future"));
    }
    let id = random.uuid(now);
    let key = ApiKey::generate(tenant.id, new.environment.clone(), random);
    let event = Event::new("api_key.created").about("api_key", id).detail(json!({
        "name": new.name.as_str(),
        "scopes": new.scopes,
        "environment": new.environment.as_str(),
        "expires_at": new.expires_at,
    }));
    let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
    let catalog = tenancy.catalog().await?;
    let record = repo::insert(&*catalog, tenant.id, id, &key, &new, &entry).await?;
    let record = record.ok_or(Error::TooManyApiKeys)?;
    audit::flush_catalog_later(tenancy, Some(tenant.id));
    Ok((record, key))
}

/// Changes a key.
///
/// # Errors
/// [`Error::ApiKeyNotFound`]; [`Error::StrongerApiKey`], [`Error::ScopeNotHeld`] and [`Error::InvalidFields`] when the
/// key is not within the caller's authority, or would not be after the change.
pub async fn update(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    id: Uuid,
    change: &ApiKeyChange,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<ApiKeyRecord>> {
    let event = Event::new("api_key.updated").about("api_key", id);
    let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    // Another change in between may have put the key beyond the caller's authority.
    let record = loop {
        let old = repo::find(&*catalog, tenant.id, id).await?.ok_or(Error::ApiKeyNotFound)?;
        authority.check_change(&old, change)?;
        if let Some(record) = repo::update(&*catalog, tenant.id, &old, change, &entry).await? {
            break record;
        }
    };
    publication.api_key(&record).await?;
    audit::flush_catalog_later(tenancy, Some(tenant.id));
    Ok(Changed { value: record, effect: publication.finish().await })
}

/// Gives a key another secret; the one before counts for `overlap` more. Its text is returned this
/// once. The secret before that one ends at once.
///
/// # Errors
/// [`Error::ApiKeyNotFound`]; [`Error::StrongerApiKey`] and [`Error::ScopeNotHeld`] when the key is not within the
/// caller's authority.
pub async fn rotate(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    id: Uuid,
    overlap: TimeDelta,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<(ApiKeyRecord, ApiKey)>> {
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    // Of two rotations at once the second rotates what the first has made.
    let (old, record, key) = loop {
        let old = repo::find(&*catalog, tenant.id, id).await?.ok_or(Error::ApiKeyNotFound)?;
        authority.check_existing(&old)?;
        let key = ApiKey::generate(tenant.id, old.environment.clone(), &*tenancy.platform.random);
        let ends = tenancy.platform.clock.now() + overlap;
        let event = Event::new("api_key.rotated")
            .about("api_key", id)
            .detail(json!({ "previous_expires_at": ends }));
        let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
        if let Some(record) = repo::rotate(&*catalog, tenant.id, &old, &key, ends, &entry).await? {
            break (old, record, key);
        }
    };
    if let Some(ended) = &old.previous_hash {
        publication.ended_api_key(tenant.id, ended).await;
    }
    publication.api_key(&record).await?;
    audit::flush_catalog_later(tenancy, Some(tenant.id));
    Ok(Changed { value: (record, key), effect: publication.finish().await })
}

/// Revokes a key for good. Repeating it publishes the end again.
///
/// # Errors
/// [`Error::ApiKeyNotFound`], also for a key that was revoked before and whose end is in effect;
/// [`Error::StrongerApiKey`] and [`Error::ScopeNotHeld`] when the key is not within the caller's authority.
pub async fn revoke(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new("api_key.revoked").about("api_key", id);
    let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    let (record, is_repeated) = loop {
        let Some(old) = repo::find(&*catalog, tenant.id, id).await? else {
            // The response to an earlier call may have been lost before the publication to Redis.
            let revoked = repo::find_revoked(&*catalog, tenant.id, id).await?;
            break (revoked.ok_or(Error::ApiKeyNotFound)?, true);
        };
        authority.check_existing(&old)?;
        if let Some(record) = repo::revoke(&*catalog, tenant.id, &old, &entry).await? {
            break (record, false);
        }
    };
    for hash in std::iter::once(&record.hash).chain(&record.previous_hash) {
        publication.ended_api_key(tenant.id, hash).await;
    }
    audit::flush_catalog_later(tenancy, Some(tenant.id));
    match publication.finish().await {
        Effect::Now if is_repeated => Err(Error::ApiKeyNotFound),
        effect => Ok(effect),
    }
}
