//! The destruction of a tenant.
//!
//! A destruction is crash-safe, for crashes of this program and of PostgreSQL. The first statement puts the tenant into
//! the state `deleting`, in which it accepts no requests. Each later step finds the results of an earlier attempt, and
//! the last step removes the tenant from the catalog. Repeating the call or running `tenantctl repair` finishes the
//! destruction. An interrupted `DROP DATABASE` leaves a database that is marked as invalid. No connection to it is
//! possible, and dropping it again finishes the operation. The database is dropped after the files, so an invalid
//! database has no files left.

use std::rc::Rc;

use platform::redis::{Argument, Scan};
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    lifecycle::{
        databases::{self, Beside},
        manage, moving, receipt,
    },
    log, redis_key, storage,
    tenant::{DeletionRight, Operation, StateChange, TenantChange, TenantRecord, repo},
    version_cache::{Change, Effect},
};

/// Destroys a tenant: its database, role, files, counters, cache and keys. Its names become available. Its audit trail
/// remains and ends with the destruction. The platform's audit trail gets a receipt.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`] while the tenant is being provisioned,
/// [`Error::PreconditionFailed`].
pub async fn destroy(
    context: &Rc<Context>,
    tenant: Uuid,
    version: Option<i64>,
    right: DeletionRight,
    files: Files,
    actor: &Actor,
) -> Result<Effect> {
    let change = TenantChange::of_state(StateChange::Destroy(right));
    let changed = manage::update(context, tenant, &change, version, actor).await?;
    if context.is_dry_run() {
        return Ok(changed.effect);
    }
    finish(context, &changed.value, files, actor).await?;
    if files == Files::Remove {
        storage::orphans::remove_later(context);
    }
    Ok(changed.effect)
}

/// The treatment of the tenant's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Removes their chunks from the key-value store.
    Remove,
    /// Records them in the catalog, and the service removes their chunks. This option is for programs that cannot reach
    /// the key-value store.
    Record,
}

/// Finishes the destruction of a tenant in the state `deleting`.
pub async fn finish(
    context: &Rc<Context>,
    record: &TenantRecord,
    files: Files,
    actor: &Actor,
) -> Result<()> {
    record
        .status
        .check(Operation::Remove)
        .map_err(|_| Error::internal("only a tenant in the state deleting can be destroyed"))?;
    moving::settle(context, record.id).await?;
    let mut removed = serde_json::Value::Null;
    if databases::has_database(context, record).await? {
        database_role::end(context, record, Ending::Tenant).await?;
        // A session that holds a table must not prevent the destruction.
        removed = match receipt::count(context, record).await {
            Ok(removed) => removed,
            Err(error @ Error::Unavailable { .. }) => {
                log::warning(context, "the receipt of a destruction has no counts", &error);
                serde_json::Value::Null
            }
            Err(error) => return Err(error),
        };
        // The events in the tenant's outbox are part of the trail.
        audit::recover(context, record).await?;
        match files {
            Files::Remove => drop(storage::remove_all(context, record).await?),
            Files::Record => storage::orphans::record_all(context, record).await?,
        }
    }
    finish_former(context, record).await?;
    databases::drop_database(context, record).await?;
    forget_in_redis(context, record.id).await?;
    let event = Event::new(name::TENANT_DESTROYED)
        .severity(Severity::Critical)
        .about("tenant", record.id)
        .detail(serde_json::json!({ "slug": record.slug, "plan": record.plan }));
    let entry = Entry::new(context, Some(record.id), actor, event);
    let receipt = receipt::entry(context, record, &removed, actor);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    repo::remove(&*catalog, record.id, &entry, &receipt).await?;
    publication.tenant_tombstone(record.id).await;
    // The tenant's requests have been refused since the first statement took effect.
    let _: Effect = publication.finish().await;
    audit::try_flush_catalog(context, Some(record.id)).await;
    audit::try_flush_catalog(context, None).await;
    Ok(())
}

/// Records the files and the events of the database that a tenant had before a restore that was interrupted.
async fn finish_former(context: &Rc<Context>, record: &TenantRecord) -> Result<()> {
    if record.database_password.is_none() {
        return Ok(());
    }
    let former = databases::record_beside(context, record, Beside::Former)?;
    if databases::has_database(context, &former).await? {
        audit::recover(context, &former).await?;
        storage::orphans::record_all(context, &former).await?;
    }
    Ok(())
}

/// Removes all keys of a tenant from Redis.
async fn forget_in_redis(context: &Context, tenant: Uuid) -> Result<()> {
    let redis = &*context.platform.redis;
    let mut keys = Scan::new(redis_key::of_tenant(tenant));
    while let Some(names) = keys.next_page(redis).await? {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| Argument::Bytes(name)).collect();
            redis.execute("UNLINK", &names).await?;
        }
    }
    Ok(())
}
