//! The wait of a change for the end of the leases that were granted before it.

use std::{cell::Cell, cell::RefCell, time::Duration};

use platform::redis::{ProcessId, Reply};
use uuid::Uuid;

use super::{report_end, serving};
use crate::{context::Context, log, metrics::Timer};

/// The leases of a tenant that may not have ended, as a script reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outstanding {
    /// The number of the last one; 0 if all have ended.
    number: i64,
    /// The longest validity among them; 0 if all have ended.
    validity: Duration,
    /// The validity of the leases that were granted before a change; 0 if all have ended.
    pub(crate) before_change: Duration,
}

impl Outstanding {
    /// Reads the reply of `publish.lua`.
    pub(crate) fn read(replies: &[Reply]) -> Self {
        let number = |index: usize| replies.get(index).and_then(Reply::as_int).unwrap_or(0);
        let milliseconds =
            |index: usize| Duration::from_millis(u64::try_from(number(index)).unwrap_or(0));
        Self { number: number(0), validity: milliseconds(1), before_change: milliseconds(2) }
    }
}

/// The wait of a change. Each publication is added when Redis has confirmed it, and the wait precedes the
/// acknowledgement.
pub(crate) struct Wait<'a> {
    context: &'a Context,
    /// The monotonic time in microseconds.
    until: Cell<u64>,
    is_unknown: Cell<bool>,
    has_publication: Cell<bool>,
    outstanding: RefCell<Vec<(Uuid, ProcessId, i64)>>,
}

impl<'a> Wait<'a> {
    pub(crate) fn new(context: &'a Context) -> Self {
        Self {
            context,
            until: Cell::new(0),
            is_unknown: Cell::new(false),
            has_publication: Cell::new(false),
            outstanding: RefCell::default(),
        }
    }

    /// Adds a publication that Redis has confirmed just now. `process` is the process that did so, if it is certain.
    pub(crate) fn add(&self, tenant: Uuid, process: Option<ProcessId>, outstanding: Outstanding) {
        let now = self.context.platform.clock.monotonic_micros();
        serving::observe(self.context, now);
        self.has_publication.set(true);
        if outstanding.number == 0 {
            return;
        }
        self.extend(now, outstanding.validity);
        if let Some(process) = process {
            self.outstanding.borrow_mut().push((tenant, process, outstanding.number));
        }
    }

    /// Records that leases may exist of which the current Redis process has no record: Redis was unavailable, or
    /// another process has replaced the observed one.
    pub(crate) fn add_unknown(&self) {
        self.is_unknown.set(true);
        self.has_publication.set(true);
    }

    /// Waits for the end of all leases that were granted before the publications. Without a publication, returns at
    /// once.
    pub(crate) async fn finish(self) {
        let context = self.context;
        if !self.has_publication.get() {
            return;
        }
        let validity = context.settings.lease;
        let is_known = !self.is_unknown.get() && serving::is_serving_for(context, validity).await;
        if !is_known {
            self.extend(context.platform.clock.monotonic_micros(), validity);
        }
        let begin = context.platform.clock.monotonic_micros();
        if begin >= self.until.get() {
            return;
        }
        sleep_until(context, self.until.get()).await;
        let waited = context.platform.clock.monotonic_micros().saturating_sub(begin);
        context.counters.time(Timer::Lease, waited);
        if !is_known {
            // The process has been serving for the whole wait.
            serving::is_serving_for(context, validity).await;
        }
        for (tenant, process, number) in self.outstanding.into_inner() {
            if let Err(error) = report_end(context, tenant, process, number).await {
                log::warning(
                    context,
                    "Redis unavailable; the next change waits for leases that have ended",
                    &error.into(),
                );
            }
        }
    }

    fn extend(&self, now: u64, validity: Duration) {
        let micros = u64::try_from(validity.as_micros()).unwrap_or(u64::MAX);
        self.until.set(self.until.get().max(now.saturating_add(micros)));
    }
}

/// Waits until the monotonic clock reaches a time in microseconds.
async fn sleep_until(context: &Context, until: u64) {
    loop {
        let left = until.saturating_sub(context.platform.clock.monotonic_micros());
        if left == 0 {
            return;
        }
        context.platform.executor.sleep(Duration::from_micros(left)).await;
    }
}

/// Waits before a caller is refused, so that no other instance admits it later. `leases` is the validity of the leases
/// that were granted before a change; 0 if all have ended. Leases of an earlier Redis process count, too.
pub(crate) async fn before_refusal(context: &Context, leases: Duration) {
    let own = context.settings.lease;
    let is_known = serving::is_serving_for(context, own).await;
    let wait = if is_known { leases } else { leases.max(own) };
    if !wait.is_zero() {
        context.platform.executor.sleep(wait).await;
    }
}
