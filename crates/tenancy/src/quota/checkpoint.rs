//! Checkpoints: the counters of Redis, stored in PostgreSQL.
//!
//! Every two seconds, the admission script reports to one call that a checkpoint is due. Two seconds later, its
//! instance reads the counter and stores it together with the other counters that are due. So each call is stored
//! within three seconds while both stores are available. The numbers are absolute, and a lower one has no effect, so a
//! repeated or late write is harmless. After a restart, a Redis process starts its counters from the checkpoints.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::LazyLock, time::Duration};

use chrono::NaiveDate;
use futures::future::join_all;
use platform::{
    BackgroundTask, Running,
    redis::{Argument, ProcessId, Reply, Script},
};
use uuid::Uuid;

use super::repo;
use crate::{
    context::Context,
    lease, log,
    quota::{CARRY, Counter},
};

/// The seconds after which another call must write the checkpoint of a counter.
pub(crate) const CHECKPOINT_SECONDS: i64 = 2;
/// The delay before a counter is stored, in microseconds. It is longer than any lease.
const DELAY_MICROS: u64 = CHECKPOINT_SECONDS.unsigned_abs() * 1_000_000;
/// The additional time for which a counter may wait, to be written together with others.
const SLACK: Duration = Duration::from_millis(500);

static NEWEST: LazyLock<Script> =
    LazyLock::new(|| Script::new([lease::RECORD, CARRY, include_str!("newest.lua")].concat()));

type Place = (Uuid, Counter, NaiveDate);

/// A number that a process reported.
type Reported = (ProcessId, i64);

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
    /// The highest usage that was seen in the newest process.
    usage: Option<Reported>,
    /// The leases whose use had not been reported at an earlier checkpoint.
    unreported: Option<Unreported>,
}

/// Leases without a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unreported {
    /// The last one of them.
    last: Reported,
    /// The time from which no report is expected any longer.
    forfeited_from: u64,
}

/// Schedules the checkpoint of a counter whose current value in a process is `usage`.
pub(crate) fn schedule(
    context: &Rc<Context>,
    tenant: Uuid,
    counter: Counter,
    day: NaiveDate,
    usage: Option<Reported>,
) {
    let now = context.platform.clock.monotonic_micros();
    context.state::<Checkpoints>().add((tenant, counter, day), now, usage, None);
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
    fn add(
        &self,
        counter: Place,
        now: u64,
        usage: Option<Reported>,
        unreported: Option<Unreported>,
    ) {
        let at = now.saturating_add(DELAY_MICROS);
        let mut due = self.due.borrow_mut();
        let kept = due.entry(counter).or_insert(Due { at, last: at, usage, unreported });
        kept.last = kept.last.max(at);
        kept.unreported = kept.unreported.or(unreported);
        kept.usage = match (kept.usage, usage) {
            (Some(kept), Some(new)) if kept.0 == new.0 => Some((kept.0, kept.1.max(new.1))),
            // A lower count of a new process does not replace the count of the earlier one.
            (Some(kept), Some(new)) if kept.1 > new.1 => Some(kept),
            (kept, new) => new.or(kept),
        };
    }

    /// Returns the earliest time at which a counter is due.
    fn next(&self) -> Option<u64> {
        self.due.borrow().values().map(|due| due.at).min()
    }

    /// Takes the counters that are due. A counter that was requested again since then stays until the later request is
    /// due, for the calls in between.
    fn take(&self, now: u64) -> HashMap<Place, Due> {
        let mut taken = HashMap::new();
        self.due.borrow_mut().retain(|counter, due| {
            if due.at <= now {
                taken.insert(*counter, *due);
                due.at = due.last;
                due.unreported = None;
            }
            due.at > now
        });
        taken
    }
}

/// Writes the checkpoints that are due. After a failure they are due again later.
async fn write(context: &Context) {
    let checkpoints = context.state::<Checkpoints>();
    let begin = context.platform.clock.monotonic_micros();
    let due = checkpoints.take(begin);
    let read = due.into_iter().map(async |(counter, due)| {
        (counter, due, newest(context, counter, due.forfeited(begin)).await)
    });
    let read = join_all(read).await;
    let now = context.platform.clock.monotonic_micros();
    let mut usage = HashMap::new();
    for (counter, due, newest) in &read {
        usage.extend(due.highest(newest.as_ref()).map(|usage| (*counter, usage)));
        if let Some(newest) = newest {
            context.counters.units_forfeited(newest.forfeited);
            // Once is enough: a later lease is granted to a call that requests a checkpoint itself.
            if newest.unreported > 0 && due.forfeited(begin).is_none() {
                let last = (newest.process, newest.lease);
                let found = Unreported { last, forfeited_from: now.saturating_add(DELAY_MICROS) };
                checkpoints.add(*counter, now, None, due.unreported.or(Some(found)));
            }
        }
    }
    let kept = async {
        let catalog = context.catalog().await?;
        repo::keep(&*catalog, &usage).await
    };
    if let Err(error) = kept.await {
        log::warning(context, "PostgreSQL unavailable; storing usage checkpoints later", &error);
        for (counter, due, newest) in &read {
            let seen = due.usage.or(newest.as_ref().map(|newest| (newest.process, newest.used)));
            checkpoints.add(*counter, now, seen, due.unreported);
        }
    }
}

impl Due {
    /// Returns the last of the leases whose units count as used at `now`, because no report is expected any longer.
    fn forfeited(&self, now: u64) -> Option<Reported> {
        self.unreported.filter(|found| now >= found.forfeited_from).map(|found| found.last)
    }

    /// Returns the usage to store. The usage that was seen in a process includes the units of leases, so it decides
    /// only if that process no longer has the counter.
    fn highest(&self, newest: Option<&Newest>) -> Option<i64> {
        match (self.usage, newest) {
            (Some((process, seen)), Some(newest)) if process != newest.process => {
                Some(seen.max(newest.used))
            }
            (_, Some(newest)) => Some(newest.used),
            (seen, None) => seen.map(|seen| seen.1),
        }
    }
}

/// The current value of a counter.
struct Newest {
    process: ProcessId,
    /// The usage, without the reports that the catalog has not stored and without the leases whose use was not
    /// reported.
    used: i64,
    /// The units of those leases.
    unreported: i64,
    /// The number of the last lease.
    lease: i64,
    /// The units that this reading has declared as used, because no report is expected for them.
    forfeited: u64,
}

/// Returns the current value of a counter (`newest.lua`); `None` if Redis does not have the counter or is unavailable.
async fn newest(
    context: &Context,
    (tenant, counter, day): Place,
    forfeited: Option<Reported>,
) -> Option<Newest> {
    let key = counter.key(tenant, day);
    let (process, lease) = match &forfeited {
        Some((process, lease)) => (Argument::Bytes(process.digits()), *lease),
        None => (Argument::from(""), 0),
    };
    let arguments = [process, Argument::Int(lease)];
    let replies = NEWEST.run(&*context.platform.redis, &[&key], &arguments).await.ok()?;
    let number = |index: usize| replies.get(index).and_then(Reply::as_int);
    Some(Newest {
        process: replies.first().and_then(Reply::as_bytes).and_then(ProcessId::of_digits)?,
        used: number(1)?,
        unreported: number(2)?,
        lease: number(3)?,
        forfeited: number(4).and_then(|units| u64::try_from(units).ok()).unwrap_or(0),
    })
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
        let process = ProcessId::of_digits(&[b'0'; 16]).unwrap();
        let checkpoints = Checkpoints::default();
        let add = |tenant, now, usage| {
            checkpoints.add(counter(tenant), now, Some((process, usage)), None);
        };
        let take = |now| -> HashMap<_, _> {
            let taken = checkpoints.take(now);
            taken.into_iter().map(|(counter, due)| (counter, due.highest(None))).collect()
        };
        add(1, 0, 5);
        add(1, SECOND, 4);
        add(2, SECOND, 1);
        assert_eq!(checkpoints.next(), Some(2 * SECOND));
        assert_eq!(take(2 * SECOND - 1), HashMap::new());
        assert_eq!(take(2 * SECOND), HashMap::from([(counter(1), Some(5))]));
        assert_eq!(checkpoints.next(), Some(3 * SECOND));
        let both = HashMap::from([(counter(1), Some(5)), (counter(2), Some(1))]);
        assert_eq!(take(4 * SECOND), both);
        assert_eq!(checkpoints.next(), None);
    }

    #[test]
    fn lease_without_report_is_forfeited_after_whole_delay() {
        let last = (ProcessId::of_digits(&[b'0'; 16]).unwrap(), 7);
        let unreported = Some(Unreported { last, forfeited_from: 4 * SECOND });
        let checkpoints = Checkpoints::default();
        // The counter is due earlier than the report of the lease.
        checkpoints.add(counter(1), 0, None, None);
        checkpoints.add(counter(1), 2 * SECOND, None, unreported);
        let early = checkpoints.take(3 * SECOND)[&counter(1)];
        assert_eq!(early.forfeited(3 * SECOND), None);
        checkpoints.add(counter(1), 3 * SECOND, None, early.unreported);
        let later = checkpoints.take(4 * SECOND)[&counter(1)];
        assert_eq!(later.forfeited(4 * SECOND), Some(last));
        // A later reading has to find its own leases.
        assert_eq!(checkpoints.take(5 * SECOND)[&counter(1)].unreported, None);
    }
}
