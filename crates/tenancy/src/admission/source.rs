//! The state of tenants, users, sessions and API keys in PostgreSQL, which is read to fill the cache.

use std::rc::Rc;

use platform::redis::RedisError;
use uuid::Uuid;

use super::cached::{CachedApiKeys, CachedTenants};
use crate::{
    api_key::{self, ApiKeyRecord},
    context::Context,
    error::{Error, Result},
    lease::before_refusal,
    log, redis_key, session,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    token::Claims,
    version_cache::{
        Cached, Cause, Entry, Observation, TOMBSTONE, invalidate,
        queue::{self, Publication},
    },
};

/// Returns a tenant by its id; `None` if there is none.
pub(super) async fn tenant(context: &Context, id: Uuid) -> Result<Option<Rc<TenantRecord>>> {
    let observation = Observation::now(context);
    let found = {
        let catalog = context.catalog().await?;
        repo::find(&*catalog, id).await?
    };
    let Some(record) = found.map(Rc::new) else {
        tenant_tombstone(context, id, observation).await;
        return Ok(None);
    };
    store_current(context, &*record, observation).await;
    context.state::<CachedTenants>().put(id, Rc::clone(&record));
    Ok(Some(record))
}

/// Stores the tombstone of a tenant that PostgreSQL does not have.
pub(super) async fn tenant_tombstone(context: &Context, id: Uuid, observation: Observation) {
    store(context, &Entry::tenant_tombstone(id), observation).await;
}

/// Returns the state that a token of a user and a session depends on; `None` if there is no such user.
pub(super) async fn session(
    context: &Context,
    tenant: &Tenant,
    user: Uuid,
    session: Uuid,
) -> Result<Option<session::State>> {
    let observation = Observation::now(context);
    let found = {
        let database = TenantDb::connect(context, tenant).await?;
        let mut states = session::find_states(&database, &[(user, session)]).await?;
        states.remove(&(user, session))
    };
    store_session(context, tenant, (user, session), found.as_ref(), observation).await;
    Ok(found)
}

/// Stores the state that a token of a user and a session depends on.
pub(super) async fn store_session(
    context: &Context,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    state: Option<&session::State>,
    observation: Observation,
) {
    let Some(state) = state else {
        return store(context, &Entry::user_tombstone(tenant.id, user), observation).await;
    };
    store(context, &Entry::user(tenant.id, user, state.user_version), observation).await;
    let session = if state.is_open {
        Entry::session(tenant.id, session)
    } else {
        Entry::session_tombstone(tenant.id, session)
    };
    store(context, &session, observation).await;
}

/// Returns an API key by its hash and records its use; `None` if it does not exist or was revoked. A key that Redis
/// never had gets no tombstone: it may be invented, and would waste memory.
pub(super) async fn api_key(
    context: &Context,
    tenant: Uuid,
    hash: [u8; 32],
    is_known: bool,
) -> Result<Option<Rc<ApiKeyRecord>>> {
    let observation = Observation::now(context);
    let found = {
        let catalog = context.catalog().await?;
        let now = context.platform.clock.now();
        api_key::repo::record_use(&*catalog, tenant, &hash, now).await?
    };
    let Some(record) = found.map(Rc::new) else {
        if is_known {
            api_key_tombstone(context, tenant, &hash, observation).await;
        }
        return Ok(None);
    };
    store_current(context, &*record, observation).await;
    context.state::<CachedApiKeys>().put(hash, Rc::clone(&record));
    Ok(Some(record))
}

/// Stores the tombstone of a secret of an API key that PostgreSQL does not have.
pub(super) async fn api_key_tombstone(
    context: &Context,
    tenant: Uuid,
    hash: &[u8],
    observation: Observation,
) {
    store(context, &Entry::api_key_tombstone(tenant, hash), observation).await;
}

/// Queues the end of a session, or a change of its user, that PostgreSQL has and Redis may lack.
pub(super) async fn queue_end_of_session(
    context: &Context,
    claims: &Claims,
    state: Option<&session::State>,
) {
    let user = redis_key::user(claims.tid, claims.sub);
    let mut ended = vec![match state {
        Some(state) => (user, state.user_version),
        None => (user, TOMBSTONE),
    }];
    if state.is_some_and(|state| !state.is_open) {
        ended.push((redis_key::session(claims.tid, claims.sid), TOMBSTONE));
    }
    queue_end(context, claims.tid, ended).await;
}

/// Queues the end of a secret of an API key that PostgreSQL has and Redis may lack. `version` is the version of a key
/// that no longer has this secret; `None` if the key was revoked or never existed.
pub(super) async fn queue_end_of_api_key(
    context: &Context,
    tenant: Uuid,
    hash: &[u8; 32],
    version: Option<i64>,
) {
    let key = redis_key::api_key(tenant, hash);
    if let Some(version) = version {
        return queue_end(context, tenant, vec![(key, version)]).await;
    }
    let was_revoked =
        async { api_key::repo::was_revoked(&*context.catalog().await?, tenant, hash).await };
    match was_revoked.await {
        // Anyone can invent a key, so an unknown one is not queued.
        Ok(false) => {}
        Ok(true) => queue_end(context, tenant, vec![(key, TOMBSTONE)]).await,
        Err(error) => not_queued(context, &error),
    }
}

async fn queue_end(context: &Context, tenant: Uuid, versions: Vec<(String, i64)>) {
    let publication = |(key, version)| Publication { tenant, key, version };
    let publications: Vec<_> = versions.into_iter().map(publication).collect();
    let queued = async { queue::add(&*context.catalog().await?, &publications).await };
    if let Err(error) = queued.await {
        not_queued(context, &error);
    }
}

fn not_queued(context: &Context, error: &Error) {
    log::warning(context, "PostgreSQL unavailable; the end of a credential is not queued", error);
}

/// Stores the current state of a tenant or of an API key.
async fn store_current(context: &Context, record: &impl Cached, observation: Observation) {
    match record.entries(context) {
        Ok(entries) => {
            for entry in entries {
                store(context, &entry, observation).await;
            }
        }
        Err(error) => log::warning(
            context,
            "cache entry not sealed; the next request reads PostgreSQL",
            &error,
        ),
    }
}

/// Stores an entry. A failure is only logged, because the next request reads PostgreSQL again.
pub(super) async fn store(context: &Context, entry: &Entry, observation: Observation) {
    let mut stored = entry.store(context, observation, Cause::Query).await;
    // Another instance may have stored an older version in the process that has replaced the observed one.
    if matches!(stored, Err(RedisError::OtherProcess)) && observation.process().is_some() {
        let invalidated = invalidate(context, &entry.key, entry.version).await;
        stored = invalidated.map(|(outstanding, _)| outstanding);
    }
    match stored {
        // The caller may be refused next, and no instance may admit it after that.
        Ok(outstanding) => before_refusal(context, outstanding.before_change).await,
        // Redis was unavailable during the observation, so the next request reads PostgreSQL as well.
        Err(RedisError::OtherProcess) => {}
        Err(error) => log::warning(
            context,
            "cache entry not stored; the next request reads PostgreSQL",
            &error.into(),
        ),
    }
}
