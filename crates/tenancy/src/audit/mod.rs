//! The audit trail: who did what to what, from where, and with what result.
//!
//! An [`Entry`] is written to an outbox in the same statement as the change it tells of, so that
//! there is never one without the other. From there [`flush`] moves it to the trail in the catalog,
//! where each row is chained to the one before it by a key that is in no database.
//!
//! Under a crash: what is in an outbox stays there until the next flush, which the next event of the
//! tenant or `tenantctl repair` brings. An entry that was chained and not yet taken out of its
//! outbox is recognised by its id, and is not chained twice.

mod chain;
mod entry;
pub(crate) mod outbox;

pub use entry::{Actor, Entry, Event, Severity};

use std::rc::Rc;

use crate::{
    error::Result,
    log,
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// Notes an event that no change goes with.
pub async fn note(tenancy: &Tenancy, entry: &Entry) -> Result<()> {
    outbox::insert(&*tenancy.catalog().await?, entry).await
}

/// Moves what is in the outboxes of a tenant to its trail, and returns how much that was.
pub async fn flush(tenancy: &Tenancy, tenant: &Tenant) -> Result<usize> {
    let database = TenantDb::connect(tenancy, tenant).await?;
    chain::extend(tenancy, Some(tenant.id), Some(&database)).await
}

/// Moves what is in the catalog's outbox for a chain to that chain. `None` is the platform's own.
pub async fn flush_catalog(tenancy: &Tenancy, tenant: Option<uuid::Uuid>) -> Result<usize> {
    chain::extend(tenancy, tenant, None).await
}

/// Moves what a crash has left in the outbox of a tenant's database, and returns how much that was.
pub async fn recover(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<usize> {
    let database = TenantDb::connect_to(tenancy, tenant).await?;
    chain::extend(tenancy, Some(tenant.id), Some(&database)).await
}

/// Moves what a crash has left in the catalog's outbox, and returns how much that was.
pub async fn recover_catalog(tenancy: &Tenancy) -> Result<usize> {
    let catalog = tenancy.catalog().await?;
    let mut moved = 0;
    for chain in outbox::chains(&*catalog).await? {
        moved += chain::extend(tenancy, chain, None).await?;
    }
    Ok(moved)
}

/// Flushes a tenant's outboxes after the answer is sent. Where that fails, the next one does it.
pub fn flush_later(tenancy: &Rc<Tenancy>, tenant: &Tenant) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.clone());
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = flush(&tenancy, &tenant).await {
            log::warning(&tenancy, "events wait in an outbox", &error);
        }
    }));
}

/// Flushes the catalog's outbox for a chain after the answer is sent.
pub fn flush_catalog_later(tenancy: &Rc<Tenancy>, tenant: Option<uuid::Uuid>) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = flush_catalog(&tenancy, tenant).await {
            log::warning(&tenancy, "events wait in an outbox", &error);
        }
    }));
}
