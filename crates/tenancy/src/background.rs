//! What an instance does beside its requests: every few seconds, as long as there is something to
//! keep, it writes what it has counted.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{quota::checkpoint, tenancy::Tenancy};

/// How long what was counted waits.
const INTERVAL: Duration = Duration::from_secs(5);

/// Whether the next turn is under way.
#[derive(Default)]
pub(crate) struct Background {
    is_scheduled: Cell<bool>,
}

/// Sees to it that what was counted is written soon.
pub(crate) fn schedule(tenancy: &Rc<Tenancy>) {
    if tenancy.background.is_scheduled.replace(true) {
        return;
    }
    let tenancy = Rc::clone(tenancy);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        tenancy.platform.executor.sleep(INTERVAL).await;
        tenancy.background.is_scheduled.set(false);
        checkpoint::write(&tenancy).await;
        tenancy.counters.write(&tenancy).await;
    }));
}
