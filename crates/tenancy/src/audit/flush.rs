//! Moves waiting events to the trail.

use std::rc::Rc;

use platform::sql::Connection;
use uuid::Uuid;

use super::{
    chain::{self, Moved},
    forgery,
};
use crate::{
    context::Context,
    error::Result,
    event::outbox,
    later, log,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// Moves the entries in the outboxes of a tenant to its trail, and returns their numbers.
pub async fn flush(context: &Context, tenant: &Tenant) -> Result<Moved> {
    let database = TenantDb::connect(context, tenant).await?;
    chain::extend(context, Some(tenant.id), Some(&database)).await
}

/// Moves the entries for a chain in the catalog's outbox to that chain. `None` is the platform's chain.
pub async fn flush_catalog(context: &Context, tenant: Option<Uuid>) -> Result<Moved> {
    chain::extend(context, tenant, None).await
}

/// Moves the entries that a crash has left in the outbox of a tenant's database, and returns their numbers.
pub async fn recover(context: &Context, tenant: &TenantRecord) -> Result<Moved> {
    let database = TenantDb::connect_to(context, tenant).await?;
    extend_to_the_end(context, Some(tenant.id), Some(&database)).await
}

pub(super) async fn extend_to_the_end(
    context: &Context,
    tenant: Option<Uuid>,
    database: Option<&TenantDb>,
) -> Result<Moved> {
    let mut moved = Moved::default();
    loop {
        let more = chain::extend(context, tenant, database).await?;
        if more.is_nothing() {
            return Ok(moved);
        }
        moved.add(more);
    }
}

/// Returns the number of events in the catalog's outbox.
pub async fn count_waiting(catalog: &dyn Connection) -> Result<i64> {
    outbox::count(catalog).await
}

/// Moves the entries that a crash has left in the catalog's outbox, and returns their numbers.
pub async fn recover_catalog(context: &Context) -> Result<Moved> {
    let catalog = context.catalog().await?;
    forgery::report_all(context, &*catalog).await?;
    let mut moved = Moved::default();
    for chain in outbox::chains(&*catalog).await? {
        moved.add(extend_to_the_end(context, chain, None).await?);
    }
    Ok(moved)
}

/// The log message of a flush that failed. The next flush moves the events.
const FAILURE: &str = "flushing an audit outbox failed; the events remain in it";

/// Moves the entries like [`flush_catalog`] after a change that took effect. A failure is logged, because it is no failure
/// of the change.
pub async fn try_flush_catalog(context: &Context, tenant: Option<Uuid>) {
    if let Err(error) = flush_catalog(context, tenant).await {
        log::warning(context, FAILURE, &error);
    }
}

/// Flushes a tenant's outboxes after the response is sent.
pub fn flush_later(context: &Rc<Context>, tenant: &Tenant) {
    let tenant = tenant.clone();
    later::run(context, FAILURE, async move |context| flush(context, &tenant).await.map(drop));
}

/// Flushes the catalog's outbox for a chain after the response is sent.
pub fn flush_catalog_later(context: &Rc<Context>, tenant: Option<Uuid>) {
    later::run(context, FAILURE, async move |context| {
        flush_catalog(context, tenant).await.map(drop)
    });
}
