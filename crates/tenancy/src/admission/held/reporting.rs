//! Reports leases that have ended, beside the requests.
//!
//! A busy instance reports a lease with its next call to Redis. This task does so for an instance without a next call.
//! So units return, and a change of a tenant that is no longer busy does not wait.

use std::{collections::HashMap, rc::Rc, time::Duration};

use platform::Running;
use uuid::Uuid;

use super::{HeldLeases, record_admitted};
use crate::{
    context::Context,
    lease::{self, Report, usable},
    log,
    quota::{
        Counter,
        checkpoint::{self, CHECKPOINT_SECONDS},
        day_of,
    },
};

/// The time that a busy instance has to report a lease itself after it has stopped using it.
const GRACE: Duration = Duration::from_millis(10);
/// The time after which another instance must write a checkpoint.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(CHECKPOINT_SECONDS.unsigned_abs());
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
        for (tenant, ended) in due {
            for ended in ended.chunks(AT_ONCE) {
                report(&context, tenant, ended).await;
            }
        }
    }
}

/// The end of a lease or of all leases up to one.
struct Ended {
    report: Report,
    /// The API key whose calls the lease contains.
    api_key: Option<Uuid>,
}

/// Reports ends to Redis, and schedules the checkpoints that are due.
async fn report(context: &Rc<Context>, tenant: Uuid, ended: &[Ended]) {
    let reports: Vec<_> = ended.iter().map(|ended| ended.report).collect();
    let due = match lease::report(context, tenant, &reports, CHECKPOINT_INTERVAL).await {
        Ok(due) => due,
        Err(error) => {
            let effect = "Redis unavailable; unused calls of a lease stay counted";
            return log::warning(context, effect, &error.into());
        }
    };
    for (ended, due) in ended.iter().zip(due) {
        let Some((lease, _)) = ended.report.lease else { continue };
        let of_tenant = due.tenant.then_some(Counter::CALLS);
        let of_key = ended.api_key.filter(|_| due.api_key).map(Counter::ApiKey);
        for counter in [of_tenant, of_key].into_iter().flatten() {
            checkpoint::schedule(context, tenant, counter, day_of(lease.day), None);
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
    fn due(&self, context: &Rc<Context>, now: u64) -> HashMap<Uuid, Vec<Ended>> {
        let mut due = HashMap::<Uuid, Vec<Ended>>::new();
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
                let api_key = pooled.api_key.get();
                due.entry(tenant).or_default().push(Ended { report, api_key });
            }
        }
        for (tenant, held) in self.tenants.entries() {
            let process = held.borrow().process;
            let ended = self.take_ended(tenant, process, now);
            if ended > 0 {
                let report = Report { process, ended, lease: None };
                due.entry(tenant).or_default().push(Ended { report, api_key: None });
            }
        }
        due
    }
}
