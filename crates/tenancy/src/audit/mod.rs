//! The audit trail: who did what to what, from where, and with what result.
//!
//! An [`Entry`] is written to an outbox in the same statement as the change it tells of, so that
//! there is never one without the other. From there [`flush`] moves it to the trail in the catalog,
//! where each row is chained to the one before it by a key that is in no database.
//!
//! A tenant's role may write the outbox in its database, so each event has a seal ([`seal`]), and a row without a valid
//! one is reported instead of chained ([`forgery`]).
//!
//! Under a crash: what is in an outbox stays there until the next flush, which the next event of the
//! tenant or `tenantctl repair` brings. An entry that was chained and not yet taken out of its
//! outbox is recognised by its id, and is not chained twice.

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

/// How often the events of [`note_rarely`] are recorded in a chain, whoever causes them.
const RARE: Rate = Rate { burst: 60, per_minute: 30 };

/// Notes an event that no change goes with.
pub async fn note(tenancy: &Tenancy, entry: &Entry) -> Result<()> {
    outbox::insert(&*tenancy.catalog().await?, entry).await
}

/// Notes an event that no change goes with, after the answer is sent.
pub fn note_later(tenancy: &Rc<Tenancy>, entry: Entry) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let noted = async {
            note(&tenancy, &entry).await?;
            flush_catalog(&tenancy, entry.tenant).await.map(drop)
        };
        if let Err(error) = noted.await {
            log::warning(&tenancy, "an event was not noted", &error);
        }
    }));
}

/// Notes an event that somebody may bring about as often as they like: after the answer is sent, and
/// once a minute for each subject, and for all subjects together as often as [`RARE`] says. A Redis that is away leaves
/// it out.
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
            log::warning(&tenancy, "an event was not noted", &error);
        }
    }));
}

/// Moves what is in the outboxes of a tenant to its trail, and returns how much that was.
pub async fn flush(tenancy: &Tenancy, tenant: &Tenant) -> Result<Moved> {
    let database = TenantDb::connect(tenancy, tenant).await?;
    chain::extend(tenancy, Some(tenant.id), Some(&database)).await
}

/// Moves what is in the catalog's outbox for a chain to that chain. `None` is the platform's own.
pub async fn flush_catalog(tenancy: &Tenancy, tenant: Option<Uuid>) -> Result<Moved> {
    chain::extend(tenancy, tenant, None).await
}

/// Moves what a crash has left in the outbox of a tenant's database, and returns how much that was.
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

/// Returns how many events wait in the catalog's outbox.
pub async fn count_waiting(catalog: &dyn Connection) -> Result<i64> {
    outbox::count(catalog).await
}

/// Moves what a crash has left in the catalog's outbox, and returns how much that was.
pub async fn recover_catalog(tenancy: &Tenancy) -> Result<Moved> {
    let catalog = tenancy.catalog().await?;
    forgery::report_all(tenancy, &*catalog).await?;
    let mut moved = Moved::default();
    for chain in outbox::chains(&*catalog).await? {
        moved.add(extend_to_the_end(tenancy, chain, None).await?);
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
pub fn flush_catalog_later(tenancy: &Rc<Tenancy>, tenant: Option<Uuid>) {
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        if let Err(error) = flush_catalog(&tenancy, tenant).await {
            log::warning(&tenancy, "events wait in an outbox", &error);
        }
    }));
}
