//! How a tenant ends for good.
//!
//! Under a crash: the first statement puts the tenant into the state `deleting`, in which it takes no
//! request; each step after it finds what an earlier attempt left, and the last one takes the tenant
//! out of the catalog. Repeating the call goes on where it broke off, and so does `tenantctl repair`,
//! as far as it reaches: the chunks of files are the service's own.

use std::rc::Rc;

use uuid::Uuid;

use super::{
    Status, TenantRecord, cluster,
    manage::{self, TenantChange},
    repo,
};
use crate::{
    admission,
    audit::{self, Actor, Entry, Event, Severity},
    error::{Error, Result},
    platform::{
        redis::{Argument, Reply},
        sql::state,
    },
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
) -> Result<()> {
    let change = TenantChange { status: Some(Status::Deleting), ..TenantChange::default() };
    let record = manage::update(tenancy, tenant, &change, version, actor).await?;
    finish(tenancy, &record, actor).await
}

/// Goes on with destroying a tenant that is in the state `deleting`.
pub async fn finish(tenancy: &Rc<Tenancy>, record: &TenantRecord, actor: &Actor) -> Result<()> {
    if record.status != Status::Deleting {
        return Err(Error::internal("only what is in the state deleting is destroyed"));
    }
    // What is still in its outbox is part of the trail.
    let files = async {
        audit::recover(tenancy, record).await?;
        storage::remove_all(tenancy, record).await
    };
    match files.await {
        Ok(_) => {}
        // An earlier attempt has dropped the database, which comes after the files.
        Err(error) if is_gone(tenancy, record).await? => {
            crate::log::warning(tenancy, "a tenant's database is gone already", &error);
        }
        Err(error) => return Err(error),
    }
    cluster::drop_database(tenancy, record).await?;
    forget_in_redis(tenancy, record.id).await?;
    let event = Event::new("tenant.destroyed")
        .severity(Severity::Critical)
        .about("tenant", record.id)
        .detail(serde_json::json!({ "slug": record.slug, "plan": record.plan }));
    let entry = Entry::new(tenancy, Some(record.id), actor, event);
    let catalog = tenancy.catalog().await?;
    repo::remove(&*catalog, record.id, &entry).await?;
    admission::retire_tenant(tenancy, record.id).await;
    audit::flush_catalog(tenancy, Some(record.id)).await?;
    Ok(())
}

/// Whether the tenant's database is not there any more.
async fn is_gone(tenancy: &Tenancy, record: &TenantRecord) -> Result<bool> {
    let cluster = cluster::connect(tenancy, &record.database, None).await?;
    let statement = "SELECT FROM pg_roles WHERE rolname = $1";
    let role = cluster.query_first(statement, &[record.database_role.as_str().into()]).await;
    match role {
        Ok(None) => Ok(true),
        Ok(Some(_)) => {
            let statement = "SELECT FROM pg_database WHERE datname = $1";
            let name = record.database.name.as_str().into();
            Ok(cluster.query_first(statement, &[name]).await?.is_none())
        }
        Err(error) if error.is(state::UNDEFINED_TABLE) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Takes everything of a tenant out of Redis.
async fn forget_in_redis(tenancy: &Tenancy, tenant: Uuid) -> Result<()> {
    let redis = &*tenancy.platform.redis;
    let pattern = format!("t:{{{tenant}}}:*");
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
