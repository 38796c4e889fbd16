//! Carries changes of verified addresses over to the catalog.

use std::rc::Rc;

use platform::sql::state;
use uuid::Uuid;

use super::repo::{self, Published};
use crate::{
    context::Context,
    crypto::Sealer,
    error::Result,
    later,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// Publishes the changes that are noted in a tenant's database, and returns their number.
pub async fn publish(context: &Context, tenant: &TenantRecord) -> Result<u64> {
    let database = TenantDb::connect_to(context, tenant).await?;
    let mut total = 0;
    loop {
        let changes = match repo::list_changes(&database).await {
            // `tenantctl migrate` has not reached this database yet.
            Err(error) if error.is(state::UNDEFINED_TABLE) => return Ok(total),
            changes => changes?,
        };
        if changes.is_empty() {
            return Ok(total);
        }
        let key = &context.master_key;
        let hashed = changes.iter().map(|change| {
            let address = change.address.as_deref();
            let hash = address.map(|address| key.address_hashes(address)).transpose()?;
            Ok(Published {
                user: change.user,
                hash: hash.map(|hashes| hashes.current()),
                change: change.change,
            })
        });
        let hashed = hashed.collect::<Result<Vec<_>>>()?;
        let catalog = context.catalog().await?;
        repo::store(&*catalog, tenant.id, key.current_id(), &hashed).await?;
        repo::mark_published(&database, &hashed).await?;
        total += u64::try_from(hashed.len()).unwrap_or(u64::MAX);
    }
}

/// Publishes the changes that are noted in a tenant's database, removes the traces of deleted users a day after their
/// deletion, and returns the number of changes.
pub async fn maintain(context: &Context, tenant: &TenantRecord) -> Result<u64> {
    let published = publish(context, tenant).await?;
    let database = TenantDb::connect_to(context, tenant).await?;
    loop {
        let deleted = match repo::list_deleted(&database).await {
            Err(error) if error.is(state::UNDEFINED_TABLE) || error.is(state::UNDEFINED_COLUMN) => {
                return Ok(published);
            }
            deleted => deleted?,
        };
        if deleted.is_empty() {
            return Ok(published);
        }
        // The rows of the tenant last: after a crash, they lead to those of the catalog.
        repo::remove_from_catalog(&*context.catalog().await?, tenant.id, &deleted).await?;
        repo::remove_deleted(&database, &deleted).await?;
    }
}

/// Publishes the changes of a tenant after the response is sent.
pub(crate) fn publish_later(context: &Rc<Context>, tenant: &Tenant) {
    let tenant = tenant.clone();
    let failure = "a verified address is published by the next maintenance";
    later::run(context, failure, async move |context| {
        publish(context, tenant.record()).await.map(drop)
    });
}

/// Hashes the addresses of a tenant again with the current master key. Returns `false` if all of them are.
pub(crate) async fn rehash(context: &Context, tenant: &TenantRecord) -> Result<bool> {
    let database = TenantDb::connect_to(context, tenant).await?;
    repo::note_all(&database).await?;
    Ok(publish(context, tenant).await? > 0)
}

/// Returns the tenants with hashes that other keys than the current one have made, with these keys and their numbers.
pub(crate) async fn survey_keys(context: &Context) -> Result<Vec<(Uuid, Sealer, i64)>> {
    let catalog = context.catalog().await?;
    let key = &context.master_key;
    let counts = repo::count_by_key(&*catalog).await?;
    Ok(counts.into_iter().map(|(tenant, id, count)| (tenant, key.holder(&id), count)).collect())
}
