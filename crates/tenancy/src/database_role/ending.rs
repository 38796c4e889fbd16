//! The end of roles: their connections are closed, and the roles are removed.

use std::time::Duration;

use uuid::Uuid;

use super::{Ending, cluster, repo};
use crate::{
    claim::{NextAttempt, claim},
    context::Context,
    error::Result,
    log, redis_key,
    tenant::{TenantRecord, repo as tenants},
};

/// Ends roles of a tenant. Their connections are closed before this returns. Without such roles, this takes one
/// statement in the catalog.
///
/// # Errors
/// [`crate::Error::Unavailable`] if a store is unavailable. A repeated call finishes the removal.
pub async fn end(context: &Context, tenant: &TenantRecord, ending: Ending) -> Result<u64> {
    let catalog = context.catalog().await?;
    let roles = repo::mark_ended(&*catalog, tenant.id, ending, None).await?;
    let count = u64::try_from(roles.len()).unwrap_or(u64::MAX);
    // The end of a connection cannot be rolled back.
    if roles.is_empty() || context.is_dry_run() {
        return Ok(count);
    }
    let names: Vec<_> = roles.iter().map(|role| role.name.clone()).collect();
    cluster::remove(context, tenant, &names).await?;
    let ids: Vec<_> = roles.iter().map(|role| role.id).collect();
    repo::delete(&*catalog, &ids).await?;
    Ok(count)
}

/// Removes the roles of all tenants that have expired, and finishes interrupted removals. A tenant whose cluster is
/// unavailable does not stop the others. Returns the number of removed roles.
///
/// # Errors
/// [`crate::Error::Unavailable`] if the catalog or a cluster is unavailable.
pub async fn end_due(context: &Context) -> Result<u64> {
    let catalog = context.catalog().await?;
    let (mut ended, mut failure) = (0, None);
    for id in repo::list_tenants_due(&*catalog).await? {
        let Some(tenant) = tenants::find(&*catalog, id).await? else { continue };
        match end(context, &tenant, Ending::Expired).await {
            Ok(count) => ended += count,
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(ended), Err)
}

/// Ends the roles of all tenants whose API key, user or tenant has ended, and those of a killed `tenantctl`. An interrupted
/// change leaves such roles. `versions` returns the version of an active user. Returns the number of removed roles.
pub async fn end_orphaned(
    context: &Context,
    versions: impl AsyncFn(&TenantRecord, Uuid) -> Result<Option<i64>>,
) -> Result<u64> {
    let catalog = context.catalog().await?;
    repo::mark_orphaned(&*catalog).await?;
    let (mut ended, mut failure) = (0, None);
    for (tenant, user, version) in repo::list_users(&*catalog).await? {
        let Some(tenant) = tenants::find(&*catalog, tenant).await? else { continue };
        let outcome = async {
            if versions(&tenant, user).await? == Some(version) {
                return Ok(0);
            }
            end(context, &tenant, Ending::User(user)).await
        };
        match outcome.await {
            Ok(count) => ended += count,
            Err(error) => failure = Some(error),
        }
    }
    for role in repo::list_of_tenantctl(&*catalog).await? {
        let Some(tenant) = tenants::find(&*catalog, role.tenant).await? else { continue };
        let outcome = async {
            // A migration keeps its connection, so without one `tenantctl` was killed.
            if cluster::is_connected(context, &tenant, &role.name).await? {
                return Ok(0);
            }
            end(context, &tenant, Ending::Credential(role.id)).await
        };
        match outcome.await {
            Ok(count) => ended += count,
            Err(error) => failure = Some(error),
        }
    }
    let due = end_due(context).await?;
    failure.map_or(Ok(ended + due), Err)
}

/// The interval at which the instances remove expired roles.
const INTERVAL: Duration = Duration::from_secs(5);

/// The time of an instance's next check for expired roles.
#[derive(Default)]
struct NextCheck(NextAttempt);

/// Removes expired roles, unless an instance did so less than [`INTERVAL`] ago. An instance calls this beside its
/// requests. A component without the keys of tenants leaves it to the others.
pub async fn end_due_regularly(context: &Context) {
    let is_withheld = context.settings.tenant_database_template.is_withheld();
    if is_withheld
        || !context.state::<NextCheck>().0.is_due(context, INTERVAL)
        // Without Redis each instance checks, because connections must close when their credential expires.
        || !claim(context, redis_key::DATABASE_ROLES_CHECKED, INTERVAL).await.unwrap_or(true)
    {
        return;
    }
    if let Err(error) = end_due(context).await {
        log::warning(
            context,
            "expired database credentials could not be removed; trying again",
            &error,
        );
    }
}
