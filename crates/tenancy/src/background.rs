//! The work that an instance does beside its requests, a second after one of them: it adds its counters to the sums
//! of all instances, carries usage over to a new Redis process, works off the queue of publications, and removes the
//! keys of earlier Redis processes.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{admission::queue, earlier_processes, quota::seen, tenancy::Tenancy};

/// How long it waits. An instance that has served its last request lives for as long.
const INTERVAL: Duration = Duration::from_secs(1);

/// Whether the next turn is under way.
#[derive(Default)]
pub(crate) struct Background {
    is_scheduled: Cell<bool>,
}

/// Sees to it that what was counted is written soon.
pub(crate) fn schedule(tenancy: &Rc<Tenancy>) {
    if !tenancy.background.is_scheduled.replace(true) {
        tenancy.platform.executor.spawn(Box::pin(Turn(Rc::clone(tenancy)).take()));
    }
}

/// A turn. It may be lost with the request that began it: then the next one begins another.
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
