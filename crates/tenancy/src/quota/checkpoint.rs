//! Checkpoints: the counters of Redis, stored in PostgreSQL.
//!
//! Every two seconds, the admission script reports to one call that a checkpoint is due. Two seconds later, its
//! instance reads the counter and stores it together with the other counters that are due. So each call is stored
//! within three seconds while both stores are available. The numbers are absolute, and a lower one has no effect, so a
//! repeated or late write is harmless. After a restart, a Redis process starts its counters from the checkpoints.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use chrono::NaiveDate;
use futures::future::join_all;
use platform::{
    BackgroundTask, Running,
    redis::{Argument, Reply},
};
use uuid::Uuid;

use super::repo;
use crate::{context::Context, log, quota::Counter, redis_key};

/// The delay before a counter is stored. The admission script contains the same number.
const DELAY: Duration = Duration::from_secs(2);
/// The additional time for which a counter may wait, to be written together with others.
const SLACK: Duration = Duration::from_millis(500);

type Place = (Uuid, Counter, NaiveDate);

/// The counters that an instance has to store.
#[derive(Default)]
pub(crate) struct Checkpoints {
    due: RefCell<HashMap<Place, Due>>,
    writing: BackgroundTask,
}

/// A counter to store. Times are in microseconds of the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    at: u64,
    /// The time at which the last request to store it is due.
    last: u64,
    /// The highest usage that was seen.
    usage: i64,
}

/// Schedules the checkpoint of a counter whose current value is `usage`.
pub(crate) fn schedule(
    context: &Rc<Context>,
    tenant: Uuid,
    counter: Counter,
    day: NaiveDate,
    usage: i64,
) {
    let now = context.platform.clock.monotonic_micros();
    context.state::<Checkpoints>().add((tenant, counter, day), now, usage);
    if let Some(running) = context.state::<Checkpoints>().writing.begin() {
        context.platform.executor.spawn(Box::pin(write_all(Rc::clone(context), running)));
    }
}

/// Writes checkpoints when they are due, until none are left.
async fn write_all(context: Rc<Context>, _running: Running) {
    while let Some(next) = context.state::<Checkpoints>().next() {
        let now = context.platform.clock.monotonic_micros();
        let wait = Duration::from_micros(next.saturating_sub(now)) + SLACK;
        context.platform.executor.sleep(wait).await;
        write(&context).await;
    }
}

impl Checkpoints {
    fn add(&self, counter: Place, now: u64, usage: i64) {
        let at = now.saturating_add(u64::try_from(DELAY.as_micros()).unwrap_or(u64::MAX));
        let mut due = self.due.borrow_mut();
        let kept = due.entry(counter).or_insert(Due { at, last: at, usage });
        kept.last = kept.last.max(at);
        kept.usage = kept.usage.max(usage);
    }

    /// Returns the earliest time at which a counter is due.
    fn next(&self) -> Option<u64> {
        self.due.borrow().values().map(|due| due.at).min()
    }

    /// Takes the counters that are due. A counter that was requested again since then stays until the later request is
    /// due, for the calls in between.
    fn take(&self, now: u64) -> HashMap<Place, i64> {
        let mut taken = HashMap::new();
        self.due.borrow_mut().retain(|counter, due| {
            if due.at <= now {
                taken.insert(*counter, due.usage);
                due.at = due.last;
            }
            due.at > now
        });
        taken
    }
}

/// Writes the checkpoints that are due. After a failure they are due again later.
async fn write(context: &Context) {
    let due = context.state::<Checkpoints>().take(context.platform.clock.monotonic_micros());
    let usage = join_all(due.into_iter().map(async |(counter, seen)| {
        let newest = newest(context, counter).await;
        (counter, newest.map_or(seen, |newest| newest.max(seen)))
    }));
    let usage = usage.await.into_iter().collect();
    let kept = async {
        let catalog = context.catalog().await?;
        repo::keep(&*catalog, &usage).await
    };
    if let Err(error) = kept.await {
        log::warning(context, "PostgreSQL unavailable; storing usage checkpoints later", &error);
        let now = context.platform.clock.monotonic_micros();
        for (counter, usage) in usage {
            context.state::<Checkpoints>().add(counter, now, usage);
        }
    }
}

/// Returns the current value of a counter, without the reports that the catalog has not stored (`carry.lua`). Returns
/// `None` if Redis does not have the counter or is unavailable.
async fn newest(context: &Context, (tenant, counter, day): Place) -> Option<i64> {
    let key = counter.key(tenant, day);
    let unsettled = redis_key::unsettled(&key);
    let keys = [Argument::Key(&key), Argument::Key(&unsettled)];
    let replies = context.platform.redis.execute("MGET", &keys).await.ok()?;
    let number = |index: usize| replies.get(index).and_then(Reply::as_int);
    Some(number(0)? - number(1).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn counter(tenant: u128) -> Place {
        (Uuid::from_u128(tenant), Counter::CALLS, NaiveDate::MIN)
    }

    #[test]
    fn counter_is_due_after_each_request() {
        let checkpoints = Checkpoints::default();
        checkpoints.add(counter(1), 0, 5);
        checkpoints.add(counter(1), SECOND, 4);
        checkpoints.add(counter(2), SECOND, 1);
        assert_eq!(checkpoints.next(), Some(2 * SECOND));
        assert_eq!(checkpoints.take(2 * SECOND - 1), HashMap::new());
        assert_eq!(checkpoints.take(2 * SECOND), HashMap::from([(counter(1), 5)]));
        assert_eq!(checkpoints.next(), Some(3 * SECOND));
        let both = HashMap::from([(counter(1), 5), (counter(2), 1)]);
        assert_eq!(checkpoints.take(4 * SECOND), both);
        assert_eq!(checkpoints.next(), None);
    }
}
