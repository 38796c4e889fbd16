//! The state of tenants, users, sessions and API keys in PostgreSQL, which is read to fill the cache.

use std::rc::Rc;

use uuid::Uuid;

use super::cached::{CachedApiKeys, CachedTenants};
use crate::{
    api_key::{self, ApiKeyRecord},
    context::Context,
    error::Result,
    log,
    platform::redis::RedisError,
    session,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    version_cache::{Cached, Entry, Observation},
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
    match entry.store(context, observation).await {
        // Another process has no entry to protect, and the next request reads PostgreSQL.
        Ok(()) | Err(RedisError::OtherProcess) => {}
        Err(error) => log::warning(
            context,
            "cache entry not stored; the next request reads PostgreSQL",
            &error.into(),
        ),
    }
}
