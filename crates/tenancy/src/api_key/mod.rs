//! API keys: the credentials of a tenant's services.
//!
//! The catalog stores the hash of a key. Redis holds a sealed snapshot of the key with its version; see
//! [`crate::admission`]. A change writes the catalog first and Redis second.

mod authority;
mod cached;
mod change;
mod key;
mod record;
pub mod repo;
mod request;

pub use authority::Authority;
pub use change::{ApiKeyChange, NewApiKey};
pub use key::ApiKey;
pub use record::{ApiKeyRecord, ApiKeyView, CallLimit, Environment, KeyName, Overlap};
pub use request::{NewApiKeyRequest, ShownOnce};

use std::rc::Rc;

use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    tenant::Tenant,
    version_cache::{Change, Changed, Effect},
};

/// The maximum number of keys of a tenant at one time.
pub const MOST: i64 = 200;

/// Creates a key. Its text is returned only once.
///
/// # Errors
/// [`Error::InvalidFields`] for an expiry in the past, a limit above the limit of the caller, or a permission that the
/// tenant does not define; [`Error::PermissionNotHeld`],
/// [`Error::ScopeNotHeld`], [`Error::TooManyApiKeys`].
pub async fn create(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: NewApiKey,
    authority: &Authority,
    actor: &Actor,
) -> Result<(ApiKeyRecord, ApiKey)> {
    tenant.definitions.check_defined(&new.scopes, "scopes")?;
    authority.check_new(&new)?;
    let random = &*context.platform.random;
    let now = context.platform.clock.now();
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::invalid_field("expires_at", "must be in the future"));
    }
    let id = random.uuid(now);
    let key = ApiKey::generate(tenant.id, new.environment.clone(), random);
    let event = Event::new(name::API_KEY_CREATED).about("api_key", id).detail(json!({
        "name": new.name.as_str(),
        "scopes": new.scopes,
        "environment": new.environment.as_str(),
        "expires_at": new.expires_at,
    }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let catalog = context.catalog().await?;
    let record = repo::insert(&*catalog, tenant.id, id, &key, &new, &entry).await?;
    let record = record.ok_or(Error::TooManyApiKeys)?;
    audit::flush_catalog_later(context, Some(tenant.id));
    Ok((record, key))
}

/// Updates a key.
///
/// # Errors
/// [`Error::UserRequired`] if the key is a credential of the call; [`Error::ApiKeyNotFound`];
/// [`Error::StrongerApiKey`], [`Error::ScopeNotHeld`] and [`Error::InvalidFields`] if the key is outside the caller's
/// authority, before or after the change.
pub async fn update(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    change: &ApiKeyChange,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<ApiKeyRecord>> {
    authority.check_other(id)?;
    let event = Event::new(name::API_KEY_UPDATED).about("api_key", id);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    // A concurrent change may have moved the key outside the caller's authority.
    let record = loop {
        let old = repo::find(&*catalog, tenant.id, id).await?.ok_or(Error::ApiKeyNotFound)?;
        authority.check_change(&old, change)?;
        if let Some(record) = repo::update(&*catalog, tenant.id, &old, change, &entry).await? {
            break record;
        }
    };
    publication.current(&record).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    Ok(Changed { value: record, effect: publication.finish().await })
}

/// Replaces the secret of a key. The previous secret stays valid for `overlap`, and the one before it becomes invalid
/// at once. The text of the key is returned only once.
///
/// # Errors
/// [`Error::ApiKeyNotFound`]; [`Error::StrongerApiKey`] and [`Error::ScopeNotHeld`] if the key is outside the caller's
/// authority.
pub async fn rotate(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    overlap: TimeDelta,
    authority: &Authority,
    actor: &Actor,
) -> Result<Changed<(ApiKeyRecord, ApiKey)>> {
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    // Of two concurrent rotations, the second one rotates the key that the first one created.
    let (old, record, key) = loop {
        let old = repo::find(&*catalog, tenant.id, id).await?.ok_or(Error::ApiKeyNotFound)?;
        authority.check_existing(&old)?;
        let key = ApiKey::generate(tenant.id, old.environment.clone(), &*context.platform.random);
        let ends = context.platform.clock.now() + overlap;
        let event = Event::new(name::API_KEY_ROTATED)
            .about("api_key", id)
            .detail(json!({ "previous_expires_at": ends }));
        let entry = Entry::new(context, Some(tenant.id), actor, event);
        if let Some(record) = repo::rotate(&*catalog, tenant.id, &old, &key, ends, &entry).await? {
            break (old, record, key);
        }
    };
    if let Some(ended) = &old.previous_hash {
        publication.api_key_tombstone(tenant.id, ended).await;
    }
    publication.current(&record).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    let effect = publication.finish().await;
    if overlap == TimeDelta::zero() {
        // The previous secret may be stolen, and so may its database credentials.
        database_role::end(context, tenant, Ending::ApiKey(id)).await?;
    }
    Ok(Changed { value: (record, key), effect })
}

/// Revokes a key permanently. A repeated call publishes the tombstone again.
///
/// # Errors
/// [`Error::ApiKeyNotFound`], also for a key whose earlier revocation is in effect; [`Error::StrongerApiKey`] and
/// [`Error::ScopeNotHeld`] if the key is outside the caller's authority.
pub async fn revoke(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<Effect> {
    let event = Event::new(name::API_KEY_REVOKED).about("api_key", id);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
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
        publication.api_key_tombstone(tenant.id, hash).await;
    }
    audit::flush_catalog_later(context, Some(tenant.id));
    let effect = publication.finish().await;
    database_role::end(context, tenant, Ending::ApiKey(id)).await?;
    match effect {
        Effect::Now if is_repeated => Err(Error::ApiKeyNotFound),
        effect => Ok(effect),
    }
}
