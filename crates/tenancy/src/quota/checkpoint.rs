//! What Redis counts, kept in PostgreSQL.
//!
//! An instance remembers the newest number of each counter that it has seen, and writes them all in
//! one statement five seconds after the first, or after 256 calls. They are absolute, and a lower one
//! changes nothing: writing them twice, or late, is harmless. A Redis that is lost goes on from here.

use std::{cell::RefCell, collections::HashMap, mem, rc::Rc};

use chrono::NaiveDate;
use uuid::Uuid;

use super::{DailyResource, repo};
use crate::{background, log, tenancy::Tenancy};

/// The calls after which an instance does not wait any longer.
const MOST_CALLS: u32 = 256;

/// The counters of which an instance has seen a new number.
#[derive(Default)]
pub(crate) struct Checkpoints(RefCell<Seen>);

#[derive(Default)]
struct Seen {
    usage: HashMap<(Uuid, DailyResource, NaiveDate), i64>,
    calls: u32,
}

/// Remembers what a counter says, to be kept soon.
pub(crate) fn note(
    tenancy: &Rc<Tenancy>,
    tenant: Uuid,
    resource: DailyResource,
    day: NaiveDate,
    usage: i64,
) {
    let is_due = {
        let mut seen = tenancy.checkpoints.0.borrow_mut();
        let known = seen.usage.entry((tenant, resource, day)).or_default();
        *known = usage.max(*known);
        seen.calls += 1;
        if seen.calls >= MOST_CALLS {
            seen.calls = 0;
            true
        } else {
            false
        }
    };
    if is_due {
        let tenancy = Rc::clone(tenancy);
        let executor = Rc::clone(&tenancy.platform.executor);
        executor.spawn(Box::pin(async move { write(&tenancy).await }));
    }
    background::schedule(tenancy);
}

/// Writes what was seen. What cannot be written waits for the next time.
pub(crate) async fn write(tenancy: &Rc<Tenancy>) {
    let usage = {
        let mut seen = tenancy.checkpoints.0.borrow_mut();
        seen.calls = 0;
        mem::take(&mut seen.usage)
    };
    if usage.is_empty() {
        return;
    }
    let kept = async {
        let catalog = tenancy.catalog().await?;
        repo::keep(&*catalog, &usage).await
    };
    if let Err(error) = kept.await {
        log::warning(tenancy, "a checkpoint was not written", &error);
        let mut seen = tenancy.checkpoints.0.borrow_mut();
        for (counter, amount) in usage {
            let known = seen.usage.entry(counter).or_default();
            *known = amount.max(*known);
        }
        drop(seen);
        background::schedule(tenancy);
    }
}
