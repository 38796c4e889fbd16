//! Events that belong to no change.

use std::{rc::Rc, time::Duration};

use super::flush::flush_catalog;
use crate::{
    bucket::{self, Bucket, Rate},
    claim::claim,
    context::Context,
    error::{Error, Result},
    event::{Entry, outbox},
    later, redis_key,
};

/// The rate at which the events of [`record_rarely`] are recorded in a chain, regardless of their cause.
const RARE: Rate = Rate { burst: 60, per_minute: 30 };

/// The log message of an event that is lost.
const FAILURE: &str = "an audit event was not recorded";
/// The time in which [`record_rarely`] records one event for a subject.
const RECORDED_ONCE: Duration = Duration::from_mins(1);

/// Records an event that belongs to no change.
pub async fn record(context: &Context, entry: &Entry) -> Result<()> {
    outbox::insert(&*context.catalog().await?, entry).await
}

/// Records an event that belongs to no change, after the response is sent.
pub fn record_later(context: &Rc<Context>, entry: Entry) {
    later::run(context, FAILURE, async move |context| {
        record(context, &entry).await?;
        flush_catalog(context, entry.tenant).await.map(drop)
    });
}

/// Records an event that a caller can cause as often as they like, after the response is sent. Records it once a minute
/// for each subject, and within the rate [`RARE`] for all subjects together. If Redis is unavailable, the event is not
/// recorded.
pub fn record_rarely(context: &Rc<Context>, entry: Entry, subject: &str) {
    let key = redis_key::recorded_event(entry.tenant, entry.event(), subject);
    later::run(context, FAILURE, async move |context| {
        if !claim(context, &key, RECORDED_ONCE).await? {
            return Ok(());
        }
        let bucket = match entry.tenant {
            Some(tenant) => Bucket::of_tenant(tenant, "rare_events", RARE),
            None => Bucket::of_platform("rare_events", RARE),
        };
        if let Err(Error::RateLimited { .. }) = bucket::take(context, &[bucket]).await {
            return Ok(());
        }
        record(context, &entry).await?;
        flush_catalog(context, entry.tenant).await.map(drop)
    });
}
