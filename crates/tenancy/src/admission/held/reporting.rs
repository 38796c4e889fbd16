//! Reports leases that have ended, beside the requests.
//!
//! A busy instance reports a lease with its next call to Redis. This task does so for an instance without a next call.
//! So units return, and a change of a tenant that is no longer busy does not wait.

use std::{collections::HashMap, rc::Rc, time::Duration};

use platform::Running;
use uuid::Uuid;

use super::{HeldLeases, Pooled, record_admitted};
use crate::{
    context::Context,
    lease::{self, Report, usable},
    log,
    quota::{Counter, checkpoint, day_of},
};

/// The time that a busy instance has to report a lease itself after it has stopped using it.
const GRACE: Duration = Duration::from_millis(10);
/// The maximum number of reports in one call.
const AT_ONCE: usize = 256;

/// Schedules the reports of the leases that the instance holds.
pub(super) fn schedule(context: &Rc<Context>, held: &HeldLeases) {
    if let Some(running) = held.reporting.begin() {
        context.platform.executor.spawn(Box::pin(report_all(Rc::clone(context), running)));
    }
}

/// Reports leases until none are left.
async fn report_all(context: Rc<Context>, _running: Running) {
    let pause = usable(context.settings.lease) + GRACE;
    let held = context.state::<HeldLeases>();
    while held.is_open() {
        context.platform.executor.sleep(pause).await;
        let due = held.due(&context, context.platform.clock.monotonic_micros());
        for (tenant, reports) in due {
            for reports in reports.chunks(AT_ONCE) {
                if let Err(error) = lease::report(&context, tenant, reports).await {
                    log::warning(
                        &context,
                        "Redis unavailable; unused calls of a lease stay counted",
                        &error.into(),
                    );
                }
            }
        }
    }
}

impl HeldLeases {
    /// Returns whether a lease has to be reported, now or later.
    fn is_open(&self) -> bool {
        self.tenants.entries().iter().any(|(_, held)| held.borrow().unreported.is_some())
            || self.pools.entries().iter().any(|(_, pooled)| pooled.pool.borrow().is_open())
    }

    /// Takes the reports that are due, by tenant.
    fn due(&self, context: &Rc<Context>, now: u64) -> HashMap<Uuid, Vec<Report>> {
        let mut due = HashMap::<Uuid, Vec<Report>>::new();
        for (owner, pooled) in self.pools.entries() {
            record_admitted(context, owner, &pooled);
            let mut pool = pooled.pool.borrow_mut();
            if pool.is_asking {
                continue;
            }
            pool.expire(now);
            while let Some((lease, unused)) = pool.take_finished() {
                let (process, tenant) = (lease.process, pooled.tenant);
                let report = Report { process, ended: 0, lease: Some((lease, unused)) };
                due.entry(tenant).or_default().push(report);
                schedule_checkpoints(context, &pooled, lease.day);
            }
        }
        for (tenant, held) in self.tenants.entries() {
            let process = held.borrow().process;
            let ended = self.take_ended(tenant, process, now);
            if ended > 0 {
                due.entry(tenant).or_default().push(Report { process, ended, lease: None });
            }
        }
        due
    }
}

/// Schedules checkpoints of the counters of a lease whose end is reported.
fn schedule_checkpoints(context: &Rc<Context>, pooled: &Pooled, day: i64) {
    let of_key = pooled.api_key.get().map(Counter::ApiKey);
    for counter in [Some(Counter::CALLS), of_key].into_iter().flatten() {
        checkpoint::schedule(context, pooled.tenant, counter, day_of(day), None);
    }
}
