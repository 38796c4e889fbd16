//! What an instance does beside its requests: soon after something was counted, it adds that to what all
//! instances have counted.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::tenancy::Tenancy;

/// How long what was counted waits. An instance that has served its last request lives for as long.
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
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.background.is_scheduled.set(false);
    }
}
