//! The audit trail: events with their actor, resource, origin and result.
//!
//! An [`Entry`] is written to an outbox in the same statement as the change that it records, so neither exists without
//! the other. From there, [`flush`] moves it to the trail in the catalog. Each row of the trail is chained to the
//! previous one with a key that is in no database.
//!
//! A tenant's role may write to the outbox in its database, so each event has a seal ([`seal`]). A row without a valid
//! seal is reported instead of chained ([`forgery`]).
//!
//! Under a crash: entries remain in an outbox until the next flush, which the tenant's next event or `tenantctl repair`
//! starts. An entry that was chained but not yet removed from its outbox is recognised by its id and is not chained
//! twice.

mod anchoring;
mod chain;
mod checkpoint;
mod entry;
mod export;
mod forgery;
mod lease;
pub(crate) mod outbox;
pub mod reseal;
pub mod retention;
mod seal;
mod sorter;
mod trail;
mod verify;
mod voucher;
mod walk;

pub use anchoring::{Anchoring, anchor_if_due, compare as compare_anchorings, list_chains};
pub use chain::Moved;
pub use entry::{Actor, Entry, Event, Severity};
pub use export::{Export, Format, csv_field};
pub use lease::Lease;
pub use trail::{Cursor, Filter, LoggedEvent, list};
pub use verify::{Extent, Link, Verification, verify};

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    bucket::{self, Bucket, Rate},
    error::{Error, Result},
    log,
    platform::{
        redis::{Argument, Reply},
        sql::Connection,
    },
    tenancy::Tenancy,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// The rate at which the events of [`note_rarely`] are recorded in a chain, regardless of their cause.
const RARE: Rate = Rate { burst: 60, per_minute: 30 };

/// Records an event that belongs to no change.
pub async fn note(tenancy: &Tenancy, entry: &Entry) -> Result<()> {
    outbox::insert(&*tenancy.catalog().await?, entry).await
}

/// Records an event that belongs to no change, after the response is sent.
pub fn note_later(tenancy: &Rc<Tenancy>, entry: Entry) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let noted = async {
            note(&tenancy, &entry).await?;
            flush_catalog(&tenancy, entry.tenant).await.map(drop)
        };
        if let Err(error) = noted.await {
            log::warning(&tenancy, "an audit event was not recorded", &error);
        }
    }));
}

/// Records an event that a caller can cause as often as they like, after the response is sent. Records it once a minute
/// for each subject, and within the rate [`RARE`] for all subjects together. If Redis is unavailable, the event is not
/// recorded.
pub fn note_rarely(tenancy: &Rc<Tenancy>, entry: Entry, subject: &str) {
    let tenancy = Rc::clone(tenancy);
    let key = match entry.tenant {
        Some(tenant) => format!("t:{{{tenant}}}:noted:{}:{subject}", entry.event()),
        None => format!("platform:noted:{}:{subject}", entry.event()),
    };
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let arguments: [Argument<'_>; 5] =
            [Argument::Key(&key), "1".into(), "EX".into(), Argument::Int(60), "NX".into()];
        let noted = async {
            let set = tenancy.platform.redis.execute("SET", &arguments).await?;
            if matches!(set.first(), Some(Reply::Nil) | None) {
                return Ok(());
            }
            let bucket = match entry.tenant {
                Some(tenant) => Bucket::of_tenant(tenant, "rare_events", RARE),
                None => Bucket::of_platform("rare_events", RARE),
            };
            if let Err(Error::RateLimited { .. }) = bucket::take(&tenancy, &[bucket]).await {
                return Ok(());
            }
            note(&tenancy, &entry).await?;
            flush_catalog(&tenancy, entry.tenant).await.map(drop)
        };
        if let Err(error) = noted.await {
            log::warning(&tenancy, "an audit event was not recorded", &error);
        }
    }));
}

/// Moves the entries in the outboxes of a tenant to its trail, and returns their numbers.
pub async fn flush(tenancy: &Tenancy, tenant: &Tenant) -> Result<Moved> {
    let database = TenantDb::connect(tenancy, tenant).await?;
    chain::extend(tenancy, Some(tenant.id), Some(&database)).await
}

/// Moves the entries for a chain in the catalog's outbox to that chain. `None` is the platform's chain.
pub async fn flush_catalog(tenancy: &Tenancy, tenant: Option<Uuid>) -> Result<Moved> {
    chain::extend(tenancy, tenant, None).await
}

/// Moves the entries that a crash has left in the outbox of a tenant's database, and returns their numbers.
pub async fn recover(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<Moved> {
    let database = TenantDb::connect_to(tenancy, tenant).await?;
    extend_to_the_end(tenancy, Some(tenant.id), Some(&database)).await
}

async fn extend_to_the_end(
    tenancy: &Tenancy,
    tenant: Option<Uuid>,
    database: Option<&TenantDb>,
) -> Result<Moved> {
    let mut moved = Moved::default();
    loop {
        let more = chain::extend(tenancy, tenant, database).await?;
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
pub async fn recover_catalog(tenancy: &Tenancy) -> Result<Moved> {
    let catalog = tenancy.catalog().await?;
    forgery::report_all(tenancy, &*catalog).await?;
    let mut moved = Moved::default();
    for chain in outbox::chains(&*catalog).await? {
        moved.add(extend_to_the_end(tenancy, chain, None).await?);
    }
    Ok(moved)
}

/// Flushes a tenant's outboxes after the response is sent. After a failure, the next flush moves the entries.
pub fn flush_later(tenancy: &Rc<Tenancy>, tenant: &Tenant) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.clone());
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = flush(&tenancy, &tenant).await {
            log::warning(
                &tenancy,
                "flushing an audit outbox failed; the events remain in it",
                &error,
            );
        }
    }));
}

/// Flushes the catalog's outbox for a chain after the response is sent.
pub fn flush_catalog_later(tenancy: &Rc<Tenancy>, tenant: Option<Uuid>) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = flush_catalog(&tenancy, tenant).await {
            log::warning(
                &tenancy,
                "flushing an audit outbox failed; the events remain in it",
                &error,
            );
        }
    }));
}
