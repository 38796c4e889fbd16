//! The background work of an instance, which runs one second after a request. It adds the instance's counters to the
//! sums of all instances, carries usage over to a new Redis process, works off the queue of publications, and removes
//! the keys of earlier Redis processes and expired database credentials, and ends abandoned moves of tenants.

use std::{rc::Rc, time::Duration};

use platform::{BackgroundTask, Running};

use crate::{
    context::Context, counter_sums, database_role, earlier_processes, lifecycle::moving, quota,
    version_cache::queue,
};

/// The delay before the work. An instance outlives its last request by this time.
const INTERVAL: Duration = Duration::from_secs(1);
/// The number of times that the work waits for Redis. Without another request, nothing else carries the usage that only
/// this instance saw over to the next Redis process.
const ATTEMPTS: u32 = 5;

/// The delay of the background work. The work itself may overlap with the next delay.
#[derive(Default)]
struct Background {
    delay: BackgroundTask,
}

/// Schedules the background work, unless it is scheduled already.
pub fn schedule(context: &Rc<Context>) {
    begin(context, ATTEMPTS);
}

fn begin(context: &Rc<Context>, attempts: u32) {
    if let Some(delay) = context.state::<Background>().delay.begin() {
        context.platform.executor.spawn(Box::pin(work(Rc::clone(context), delay, attempts)));
    }
}

/// Does the background work once. `attempts` is the number of runs that may follow each other without Redis, including
/// this one.
async fn work(context: Rc<Context>, delay: Running, attempts: u32) {
    context.platform.executor.sleep(INTERVAL).await;
    drop(delay);
    if !counter_sums::add(&context).await && attempts > 1 {
        begin(&context, attempts - 1);
    }
    quota::carry_over(&context).await;
    queue::work_off_if_due(&context).await;
    database_role::end_due_regularly(&context).await;
    moving::recover_regularly(&context).await;
    earlier_processes::collect_once(&context).await;
}
