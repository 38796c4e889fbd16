//! The background work of an instance, which runs one second after a request. It adds the instance's counters to the
//! sums of all instances, carries usage over to a new Redis process, works off the queue of publications, and removes
//! the keys of earlier Redis processes.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{admission::queue, earlier_processes, quota::seen, tenancy::Tenancy};

/// The delay before the work. An instance outlives its last request by this time.
const INTERVAL: Duration = Duration::from_secs(1);

/// Whether a run of the background work is scheduled.
#[derive(Default)]
pub(crate) struct Background {
    is_scheduled: Cell<bool>,
}

/// Schedules the background work, unless it is scheduled already.
pub(crate) fn schedule(tenancy: &Rc<Tenancy>) {
    if !tenancy.background.is_scheduled.replace(true) {
        tenancy.platform.executor.spawn(Box::pin(Turn(Rc::clone(tenancy)).take()));
    }
}

/// One run of the background work. It may be lost with the request that started it. The next request then starts
/// another.
struct Turn(Rc<Tenancy>);

impl Turn {
    async fn take(self) {
        let tenancy = Rc::clone(&self.0);
        tenancy.platform.executor.sleep(INTERVAL).await;
        drop(self);
        tenancy.counters.write(&tenancy).await;
        seen::carry_over(&tenancy).await;
        queue::look(&tenancy).await;
        earlier_processes::look(&tenancy).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.background.is_scheduled.set(false);
    }
}
