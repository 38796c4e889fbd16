//! The restore of a tenant's database and files: a database is filled beside the tenant's own one, and one statement
//! exchanges their names.
//!
//! Under a crash: before the exchange the tenant works with its own database, and the other one is dropped. After it the
//! tenant works with the restored one, and [`finish`] can be repeated.

use std::time::Duration;

use platform::sql::{Connection, Statement, identifier, literal, state};
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    import::{Unfinished, release_files},
    revocation,
};
use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name, outbox},
    lifecycle::databases::{self, Beside},
    migrate, storage,
    tenant::{TenantRecord, cluster},
    version_cache::Effect,
};

/// The number of attempts to exchange the databases of a busy tenant.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(100);

/// Returns the record of a tenant with the database that is being restored.
pub fn beside(context: &Context, tenant: &TenantRecord) -> Result<TenantRecord> {
    databases::record_beside(context, tenant, Beside::Restore)
}

/// Returns the record of a tenant with the database that it had before the restore.
fn former(context: &Context, tenant: &TenantRecord) -> Result<TenantRecord> {
    databases::record_beside(context, tenant, Beside::Former)
}

/// Begins a restore and returns its id. `Error::Unavailable` if another one is not finished.
pub async fn begin(context: &Context, tenant: &TenantRecord) -> Result<Uuid> {
    let id = context.platform.random.uuid(context.platform.clock.now());
    let statement = "INSERT INTO tenant_imports (tenant_id, id, kind) VALUES ($1, $2, 'restore')
                     ON CONFLICT DO NOTHING";
    let catalog = context.catalog().await?;
    if catalog.execute(statement, &[tenant.id.into(), id.into()]).await? == 1 {
        return Ok(id);
    }
    Err(Error::unavailable("another restore of this tenant is not finished; run tenantctl repair"))
}

/// Creates the database to fill. `beside` is the record of [`beside`].
pub async fn create_database(context: &Context, beside: &TenantRecord) -> Result<()> {
    let location = beside.trusted_location(context)?;
    databases::create_beside(context, &location, &location.name).await
}

/// Lets the restored database take the place of the tenant's own one. Connections to both are closed. Database
/// credentials end before, because their roles may own objects in the former database.
///
/// # Errors
/// [`Error::Unavailable`] if a session that this account may not close uses a database. The tenant then has its former
/// database.
pub async fn switch(context: &Context, tenant: &TenantRecord, import: Uuid) -> Result<()> {
    database_role::end(context, tenant, Ending::Tenant).await?;
    let (beside, former) = (beside(context, tenant)?, former(context, tenant)?);
    revocation::carry_over(context, tenant, &beside).await?;
    let cluster = cluster::connect(context, &tenant.trusted_location(context)?, None).await?;
    let role = identifier(&tenant.database_role);
    // Only members of a role can close its connections.
    cluster.execute(&format!("GRANT {role} TO CURRENT_USER"), &[]).await?;
    let close = "
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = ANY($1) AND pid <> pg_backend_pid() AND pg_has_role(current_user, usesysid, 'MEMBER')";
    let exchange = format!(
        "DO $exchange$ BEGIN
             IF EXISTS (SELECT FROM pg_database WHERE datname = {beside_text}) THEN
                 GRANT CONNECT ON DATABASE {beside_name} TO {role};
                 ALTER DATABASE {own} RENAME TO {former_name};
                 ALTER DATABASE {beside_name} RENAME TO {own};
             END IF;
         END $exchange$",
        beside_text = literal(&beside.database.name),
        beside_name = identifier(&beside.database.name),
        former_name = identifier(&former.database.name),
        own = identifier(&tenant.database.name),
    );
    let names = vec![tenant.database.name.clone(), beside.database.name.clone()];
    for _ in 0..ATTEMPTS {
        cluster.query(close, &[names.clone().into()]).await?;
        match cluster.execute(&exchange, &[]).await {
            Ok(_) => {
                let statement = "UPDATE tenant_imports SET is_switched = true WHERE id = $1";
                context.catalog().await?.execute(statement, &[import.into()]).await?;
                return Ok(());
            }
            // A request has connected again.
            Err(error) if error.is(state::OBJECT_IN_USE) => {
                context.platform.executor.sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::unavailable("another session uses the tenant's database; close it, then repeat"))
}

/// Finishes a restore after the exchange: carries over what ended since the backup, lets the service remove the files of
/// the former database, and drops it. Returns when the revocations take effect.
pub async fn finish(
    context: &Context,
    tenant: &TenantRecord,
    import: Uuid,
    detail: Json,
) -> Result<Effect> {
    let former = former(context, tenant)?;
    let location = former.trusted_location(context)?;
    let cluster = cluster::connect(context, &location, None).await?;
    let mut effect = Effect::Now;
    if migrate::exists(&*cluster, &former.database.name).await? {
        revocation::carry_over(context, &former, tenant).await?;
        effect = revocation::publish(context, &former, tenant).await?;
        // The events that wait in its outbox are part of the trail.
        audit::recover(context, &former).await?;
        storage::orphans::record_all(context, &former).await?;
        databases::drop_unused(&*cluster, &former.database.name).await?;
    }
    let event = Event::new(name::TENANT_RESTORED)
        .severity(Severity::Critical)
        .about("tenant", tenant.id)
        .detail(detail);
    let entry = Entry::new(context, Some(tenant.id), &Actor::system(), event);
    let statement = format!(
        "WITH finished AS (
             DELETE FROM tenant_imports WHERE tenant_id = :tenant AND id = :import RETURNING tenant_id
         ), kept AS (
             DELETE FROM orphaned_files WHERE import_id = :import AND EXISTS (SELECT FROM finished)
         ), {}
         SELECT tenant_id FROM finished",
        outbox::recorded_if("finished")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant.id)
        .bind("import", import)
        .bind_all(outbox::bindings(&entry));
    statement.query_first(&*context.catalog().await?).await?;
    audit::try_flush_catalog(context, Some(tenant.id)).await;
    Ok(effect)
}

/// Finishes or removes a restore that was interrupted. Returns whether the restored database is in use.
pub async fn recover(context: &Context, unfinished: &Unfinished) -> Result<bool> {
    let tenant = &unfinished.tenant;
    let former = former(context, tenant)?;
    let location = former.trusted_location(context)?;
    let cluster = cluster::connect(context, &location, None).await?;
    if unfinished.is_switched || migrate::exists(&*cluster, &former.database.name).await? {
        let detail = serde_json::json!({ "import": unfinished.id, "finished_by": "repair" });
        let _ = finish(context, tenant, unfinished.id, detail).await?;
        return Ok(true);
    }
    discard(context, &*cluster, unfinished).await?;
    Ok(false)
}

/// Removes a restore before the exchange. The tenant has kept its database and its files.
async fn discard(
    context: &Context,
    cluster: &dyn Connection,
    unfinished: &Unfinished,
) -> Result<()> {
    let beside = beside(context, &unfinished.tenant)?;
    databases::drop_unused(cluster, &beside.database.name).await?;
    let catalog = context.catalog().await?;
    release_files(&*catalog, unfinished.id).await?;
    let statement = "DELETE FROM tenant_imports WHERE id = $1 AND NOT is_switched";
    catalog.execute(statement, &[unfinished.id.into()]).await?;
    Ok(())
}
