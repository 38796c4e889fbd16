//! What PostgreSQL says, which Redis is told of.

use std::rc::Rc;

use uuid::Uuid;

use super::publication::{
    publish_api_key, publish_session, publish_tenant, publish_user, retire_api_key, retire_session,
    retire_tenant, retire_user,
};
use crate::{
    api_key::{self, ApiKeyRecord},
    error::Result,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    token::session,
};

/// The tenant of an id; `None` when there is none.
pub(super) async fn tenant(tenancy: &Tenancy, id: Uuid) -> Result<Option<Rc<TenantRecord>>> {
    let found = {
        let catalog = tenancy.catalog().await?;
        repo::find(&*catalog, id).await?
    };
    let Some(record) = found.map(Rc::new) else {
        retire_tenant(tenancy, id).await;
        return Ok(None);
    };
    publish_tenant(tenancy, &record).await;
    tenancy.tenants.put(id, Rc::clone(&record));
    Ok(Some(record))
}

/// What a token of a user and a session depends on; `None` when there is no such user.
pub(super) async fn session(
    tenancy: &Tenancy,
    tenant: &Tenant,
    user: Uuid,
    session: Uuid,
) -> Result<Option<session::State>> {
    let found = {
        let database = TenantDb::connect(tenancy, tenant).await?;
        let mut states = session::find_states(&database, &[(user, session)]).await?;
        states.remove(&(user, session))
    };
    note_session(tenancy, tenant, (user, session), found.as_ref()).await;
    Ok(found)
}

/// Tells Redis what a token of a user and a session depends on.
pub(super) async fn note_session(
    tenancy: &Tenancy,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    state: Option<&session::State>,
) {
    let Some(state) = state else {
        return retire_user(tenancy, tenant.id, user).await;
    };
    publish_user(tenancy, tenant.id, user, state.user_version).await;
    if state.is_open {
        publish_session(tenancy, tenant.id, session).await;
    } else {
        retire_session(tenancy, tenant.id, session).await;
    }
}

/// The API key of a hash, whose use is noted; `None` when there is none that was not revoked. One that
/// Redis never knew may be made up, and is not worth its memory.
pub(super) async fn api_key(
    tenancy: &Tenancy,
    tenant: Uuid,
    hash: [u8; 32],
    is_known: bool,
) -> Result<Option<Rc<ApiKeyRecord>>> {
    let found = {
        let catalog = tenancy.catalog().await?;
        let now = tenancy.platform.clock.now();
        api_key::repo::note_use(&*catalog, tenant, &hash, now).await?
    };
    let Some(record) = found.map(Rc::new) else {
        if is_known {
            retire_api_key(tenancy, tenant, &hash).await;
        }
        return Ok(None);
    };
    publish_api_key(tenancy, &record).await;
    tenancy.api_keys.put(hash, Rc::clone(&record));
    Ok(Some(record))
}
