//! The destruction of a tenant.
//!
//! Under a crash, of this program or of PostgreSQL: the first statement puts the tenant into the state `deleting`, in
//! which it takes no request; each step after it finds what an earlier attempt left, and the last one removes the
//! tenant from the catalog. Repeating the call finishes it, and so does `tenantctl repair`. A `DROP DATABASE` that
//! was interrupted leaves a database that is marked as invalid: nobody can connect to it, and dropping it again
//! finishes it. The database is dropped after the files, so an invalid one has no files left.

use std::rc::Rc;

use uuid::Uuid;

use super::{
    Status, TenantRecord, cluster,
    manage::{self, TenantChange},
    repo,
};
use crate::{
    admission::{Change, Effect},
    audit::{self, Actor, Entry, Event, Severity},
    error::{Error, Result},
    platform::redis::{Argument, Reply},
    storage,
    tenancy::Tenancy,
};

/// The keys that one step of a scan looks at.
const SCANNED_AT_ONCE: i64 = 1_000;

/// Destroys a tenant: its database, role, files, counters, cache and keys. Its names are free then. Its
/// audit trail stays, with what was done here at its end.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`] while it is provisioned,
/// [`Error::PreconditionFailed`].
pub async fn destroy(
    tenancy: &Rc<Tenancy>,
    tenant: Uuid,
    version: Option<i64>,
    actor: &Actor,
) -> Result<Effect> {
    let change = TenantChange { status: Some(Status::Deleting), ..TenantChange::default() };
    let changed = manage::update(tenancy, tenant, &change, version, actor).await?;
    finish(tenancy, &changed.value, Files::Remove, actor).await?;
    storage::orphans::remove_later(tenancy);
    Ok(changed.effect)
}

/// The treatment of the tenant's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// Their chunks are removed from the key-value store.
    Remove,
    /// They are recorded in the catalog, and the service removes their chunks: this program does not reach the
    /// key-value store.
    Record,
}

/// Finishes the destruction of a tenant that is in the state `deleting`.
pub async fn finish(
    tenancy: &Rc<Tenancy>,
    record: &TenantRecord,
    files: Files,
    actor: &Actor,
) -> Result<()> {
    if record.status != Status::Deleting {
        return Err(Error::internal("only a tenant in the state deleting is destroyed"));
    }
    if cluster::has_database(tenancy, record).await? {
        // The events in its outbox are part of the trail.
        audit::recover(tenancy, record).await?;
        match files {
            Files::Remove => drop(storage::remove_all(tenancy, record).await?),
            Files::Record => storage::orphans::record_all(tenancy, record).await?,
        }
    }
    cluster::drop_database(tenancy, record).await?;
    forget_in_redis(tenancy, record.id).await?;
    let event = Event::new("tenant.destroyed")
        .severity(Severity::Critical)
        .about("tenant", record.id)
        .detail(serde_json::json!({ "slug": record.slug, "plan": record.plan }));
    let entry = Entry::new(tenancy, Some(record.id), actor, event);
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    repo::remove(&*catalog, record.id, &entry).await?;
    publication.ended_tenant(record.id).await;
    // Its requests are refused since the first statement took effect.
    let _: Effect = publication.finish().await;
    audit::flush_catalog(tenancy, Some(record.id)).await?;
    Ok(())
}

/// Takes everything of a tenant out of Redis.
async fn forget_in_redis(tenancy: &Tenancy, tenant: Uuid) -> Result<()> {
    let redis = &*tenancy.platform.redis;
    // Names of every process: a snapshot may have brought back those of an earlier one.
    let pattern = format!("*:t:{{{tenant}}}:*");
    let mut cursor = "0".to_owned();
    loop {
        let arguments: [Argument<'_>; 5] = [
            Argument::from(&cursor),
            "MATCH".into(),
            Argument::from(&pattern),
            "COUNT".into(),
            Argument::Int(SCANNED_AT_ONCE),
        ];
        let replies = redis.execute("SCAN", &arguments).await?;
        let mut texts = replies.iter().filter_map(Reply::as_bytes);
        let next = texts.next().map(String::from_utf8_lossy);
        let keys: Vec<Argument<'_>> = texts.map(Argument::Bytes).collect();
        if !keys.is_empty() {
            redis.execute("UNLINK", &keys).await?;
        }
        match next {
            Some(next) if next != "0" => cursor = next.into_owned(),
            _ => return Ok(()),
        }
    }
}
