//! The background work of an instance, which runs one second after a request. It adds the instance's counters to the
//! sums of all instances, carries usage over to a new Redis process, works off the queue of publications, and removes
//! the keys of earlier Redis processes.

use std::{cell::Cell, rc::Rc, time::Duration};

use crate::{context::Context, counter_sums, earlier_processes, quota, version_cache::queue};

/// The delay before the work. An instance outlives its last request by this time.
const INTERVAL: Duration = Duration::from_secs(1);
/// The number of times that the work waits for Redis. Without another request, nothing else carries the usage that only
/// this instance saw over to the next Redis process.
const ATTEMPTS: u32 = 5;

/// Whether a run of the background work is scheduled.
#[derive(Default)]
pub(crate) struct Background {
    is_scheduled: Cell<bool>,
}

/// Schedules the background work, unless it is scheduled already.
pub fn schedule(context: &Rc<Context>) {
    begin(context, ATTEMPTS);
}

fn begin(context: &Rc<Context>, attempts: u32) {
    if !context.state::<Background>().is_scheduled.replace(true) {
        let turn = Turn { context: Rc::clone(context), attempts };
        context.platform.executor.spawn(Box::pin(turn.take()));
    }
}

/// One run of the background work. It may be lost with the request that started it. The next request then starts
/// another.
struct Turn {
    context: Rc<Context>,
    /// The number of runs that may follow each other without Redis, including this one.
    attempts: u32,
}

impl Turn {
    async fn take(self) {
        let (context, attempts) = (Rc::clone(&self.context), self.attempts);
        context.platform.executor.sleep(INTERVAL).await;
        drop(self);
        if !counter_sums::add(&context).await && attempts > 1 {
            begin(&context, attempts - 1);
        }
        quota::carry_over(&context).await;
        queue::look(&context).await;
        earlier_processes::look(&context).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.context.state::<Background>().is_scheduled.set(false);
    }
}
