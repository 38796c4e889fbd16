//! Whether a credential that was verified may still act: one Redis call and no SQL.
//!
//! A token is believed as long as the versions in it and in the tenant's snapshot are those of the
//! moment and its session goes on; an API key, as long as its snapshot is that of the moment.
//! PostgreSQL is the truth. Redis keeps the versions, each with the time at which it was compared
//! with the truth; one older than a minute is compared again. A change writes PostgreSQL first and
//! Redis second, so a crash between the two heals within that minute. Redis may be behind for as
//! long, never ahead: a token with a higher version than Redis has sends to the truth, too.
//!
//! Redis away: the truth is asked each time. PostgreSQL away: what was compared in the last ten
//! minutes is still believed.

mod known;
mod snapshots;

pub(crate) use known::{
    publish_api_key, publish_session, publish_tenant, publish_user, retire_api_key, retire_session,
    retire_tenant, retire_user,
};
pub use snapshots::Snapshots;

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    api_key::{self, ApiKey, ApiKeyRecord},
    error::{Error, Result, Unauthenticated},
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    token::{Claims, session},
};
use known::{Found, Known, Question, remembered};

/// The tenant that a verified token acts in.
///
/// # Errors
/// [`Error::Unauthenticated`] when the user, the session or the tenant of the token is no more, or
/// the user has changed; [`Error::TenantSuspended`] and [`Error::TenantDeleted`].
pub async fn admit_user(tenancy: &Tenancy, claims: &Claims) -> Result<Tenant> {
    let question = Question::of_user(claims.tid, claims.sub, claims.sid);
    let own = tenancy.tenants.get(claims.tid);
    let found = question.ask(tenancy, own.as_ref().map(|record| record.version), None).await;
    let tenant = tenant(tenancy, claims.tid, own, &found.tenant)
        .await?
        .ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    if may_act(tenancy, claims, &tenant, &found).await? {
        Ok(tenant)
    } else {
        Err(Error::Unauthenticated(Unauthenticated::RevokedToken))
    }
}

/// The tenant that an API key acts in, and what is known of the key. One call is taken from the
/// key's limits.
///
/// # Errors
/// [`Error::Unauthenticated`] when there is no such key or it has ended, [`Error::RateLimited`] when
/// a limit of its own is reached; [`Error::TenantSuspended`] and [`Error::TenantDeleted`].
pub async fn admit_api_key(tenancy: &Tenancy, key: &ApiKey) -> Result<(Tenant, Rc<ApiKeyRecord>)> {
    const INVALID: Error = Error::Unauthenticated(Unauthenticated::InvalidApiKey);
    let hash = key.hash();
    let question = Question::of_api_key(key.tenant(), &hash);
    let own_tenant = tenancy.tenants.get(key.tenant());
    let own_key = tenancy.api_keys.get(hash);
    let versions = (
        own_tenant.as_ref().map(|record| record.version),
        own_key.as_ref().map(|record| record.version),
    );
    let mut found = question.ask(tenancy, versions.0, versions.1).await;
    // Whose key it is comes first: who has none is told nothing of the tenant.
    let was_unknown = found.caller.version.is_none();
    let record = key_record(tenancy, key, &hash, own_key, &found.caller).await?.ok_or(INVALID)?;
    if !record.is_valid(&hash, tenancy.platform.clock.now()) {
        return Err(INVALID);
    }
    let tenant = tenant(tenancy, key.tenant(), own_tenant, &found.tenant).await?.ok_or(INVALID)?;
    let has_limits =
        record.max_requests_per_minute.is_some() || record.max_requests_per_day.is_some();
    if was_unknown && has_limits {
        // Redis did not know the limits when it was asked.
        found = question.ask(tenancy, Some(tenant.version), Some(record.version)).await;
    }
    match found.limited {
        Some(retry_after) => Err(Error::RateLimited { retry_after }),
        None => Ok((tenant, record)),
    }
}

/// The tenant of an id, as of this moment; `None` when there is none.
async fn tenant(
    tenancy: &Tenancy,
    id: Uuid,
    own: Option<Rc<TenantRecord>>,
    known: &Known,
) -> Result<Option<Tenant>> {
    if known.has_ended() {
        return Ok(None);
    }
    let remembered = remembered(tenancy, id, known, own).filter(|record| record.id == id);
    if let Some(record) = &remembered
        && known.is_fresh()
    {
        tenancy.tenants.put(id, Rc::clone(record));
        return Tenant::admit(Rc::clone(record)).map(Some);
    }
    let loaded = async {
        let catalog = tenancy.catalog().await?;
        repo::find(&*catalog, id).await
    };
    match (loaded.await, remembered) {
        (Ok(Some(record)), _) => {
            publish_tenant(tenancy, &record).await;
            let record = Rc::new(record);
            tenancy.tenants.put(id, Rc::clone(&record));
            Tenant::admit(record).map(Some)
        }
        (Ok(None), _) => {
            retire_tenant(tenancy, id).await;
            Ok(None)
        }
        (Err(Error::Unavailable { .. }), Some(record)) => Tenant::admit(record).map(Some),
        (Err(error), _) => Err(error),
    }
}

/// Whether the user is as the token says, and the session goes on.
async fn may_act(
    tenancy: &Tenancy,
    claims: &Claims,
    tenant: &Tenant,
    found: &Found,
) -> Result<bool> {
    let remembered = found.caller.version.zip(found.session.is_open());
    if let Some((version, is_open)) = remembered
        && found.caller.is_fresh()
        && found.session.is_fresh()
        && version >= claims.ver
    {
        return Ok(is_open && version == claims.ver);
    }
    let loaded = async {
        let database = TenantDb::connect(tenancy, tenant).await?;
        session::find_state(&database, claims.sub, claims.sid).await
    };
    match (loaded.await, remembered) {
        (Ok(Some(state)), _) => {
            publish_user(tenancy, tenant.id, claims.sub, state.user_version).await;
            if state.is_open {
                publish_session(tenancy, tenant.id, claims.sid).await;
            } else {
                retire_session(tenancy, tenant.id, claims.sid).await;
            }
            Ok(state.is_open && state.user_version == claims.ver)
        }
        (Ok(None), _) => {
            retire_user(tenancy, tenant.id, claims.sub).await;
            Ok(false)
        }
        (Err(Error::Unavailable { .. }), Some((version, is_open))) => {
            Ok(is_open && version == claims.ver)
        }
        (Err(error), _) => Err(error),
    }
}

/// What is known of an API key, as of this moment; `None` when there is no such key.
async fn key_record(
    tenancy: &Tenancy,
    key: &ApiKey,
    hash: &[u8; 32],
    own: Option<Rc<ApiKeyRecord>>,
    known: &Known,
) -> Result<Option<Rc<ApiKeyRecord>>> {
    if known.has_ended() {
        return Ok(None);
    }
    // A copy that was moved to another key's place is none of it.
    let of_this_key = |record: &Rc<ApiKeyRecord>| {
        record.hash == hash || record.previous_hash.as_deref() == Some(hash)
    };
    let remembered = remembered(tenancy, key.tenant(), known, own).filter(of_this_key);
    if let Some(record) = &remembered
        && known.is_fresh()
    {
        tenancy.api_keys.put(*hash, Rc::clone(record));
        return Ok(remembered);
    }
    let loaded = async {
        let catalog = tenancy.catalog().await?;
        let now = tenancy.platform.clock.now();
        api_key::repo::note_use(&*catalog, key.tenant(), hash, now).await
    };
    match (loaded.await, remembered) {
        (Ok(Some(record)), _) => {
            publish_api_key(tenancy, &record).await;
            let record = Rc::new(record);
            tenancy.api_keys.put(*hash, Rc::clone(&record));
            Ok(Some(record))
        }
        (Ok(None), _) => {
            // What Redis never knew may be made up, and is not worth its memory.
            if known.version.is_some() {
                retire_api_key(tenancy, key.tenant(), hash).await;
            }
            Ok(None)
        }
        (Err(Error::Unavailable { .. }), Some(record)) => Ok(Some(record)),
        (Err(error), _) => Err(error),
    }
}
