//! Deadlines on host calls.
//!
//! A timer of each call's own would cost more than most calls: one that is not needed any more has to
//! be cancelled, for which the host puts the instance aside. So one watch looks after all calls of an
//! instance, a few times a second, as long as there are any.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use spin_sdk::{
    time::sleep,
    wasip3::{clocks::monotonic_clock, spawn},
};

/// How often the watch looks: a deadline is kept with this much more.
const TICK: Duration = Duration::from_millis(100);
/// A watch that has not looked for this long was lost with the request that began it, and another one
/// takes its place.
const LOST_AFTER_NANOS: u64 = 1_000_000_000;

/// A call that has not returned.
struct Waiting {
    /// By the host's monotonic clock, in nanoseconds.
    deadline: u64,
    is_over: Cell<bool>,
    waker: RefCell<Waker>,
}

#[derive(Default)]
struct Watch {
    calls: RefCell<Vec<Rc<Waiting>>>,
    /// Until when it counts as alive, by the host's monotonic clock.
    alive_until: Cell<u64>,
}

thread_local! {
    static WATCH: Rc<Watch> = Rc::default();
}

/// What `call` returns, or `None` when it takes longer than `limit`; it is then cancelled.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    let watch = WATCH.with(Rc::clone);
    let mut call = pin!(call);
    let mut watched: Option<Watched> = None;
    poll_fn(|context| {
        if let Poll::Ready(answer) = call.as_mut().poll(context) {
            return Poll::Ready(Some(answer));
        }
        match &watched {
            Some(watched) if watched.call.is_over.get() => return Poll::Ready(None),
            Some(watched) => watched.call.waker.borrow_mut().clone_from(context.waker()),
            None => watched = Some(watch.begin(limit, context.waker())),
        }
        Poll::Pending
    })
    .await
}

impl Watch {
    fn begin(self: &Rc<Self>, limit: Duration, waker: &Waker) -> Watched {
        let now = monotonic_clock::now();
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let call = Rc::new(Waiting {
            deadline: now.saturating_add(limit),
            is_over: Cell::new(false),
            waker: RefCell::new(waker.clone()),
        });
        self.calls.borrow_mut().push(Rc::clone(&call));
        if now >= self.alive_until.get() {
            self.alive_until.set(now.saturating_add(LOST_AFTER_NANOS));
            spawn(Rc::clone(self).look());
        }
        Watched { watch: Rc::clone(self), call }
    }

    async fn look(self: Rc<Self>) {
        loop {
            sleep(TICK).await;
            let now = monotonic_clock::now();
            if self.calls.borrow().is_empty() {
                self.alive_until.set(0);
                return;
            }
            self.alive_until.set(now.saturating_add(LOST_AFTER_NANOS));
            for call in self.calls.borrow().iter().filter(|call| call.deadline <= now) {
                call.is_over.set(true);
                call.waker.borrow().wake_by_ref();
            }
        }
    }
}

/// A call under the watch, until this is dropped.
struct Watched {
    watch: Rc<Watch>,
    call: Rc<Waiting>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.calls.borrow_mut().retain(|call| !Rc::ptr_eq(call, &self.call));
    }
}
