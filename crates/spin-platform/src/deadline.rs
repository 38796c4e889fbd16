//! Deadlines on host calls.
//!
//! A timer for each call would cost more than most calls: cancelling an unused timer suspends the instance. So one
//! watch monitors all calls of an instance several times a second while there are any. It wakes an overdue call through
//! a stream, because one request can wake another only through the host.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use platform::{
    BackgroundTask, Running,
    pace::{self, Pace},
};
use spin_sdk::{
    time::sleep,
    wasip3::{spawn, wit_stream},
    wit_bindgen::{StreamReader, StreamWriter},
};

use crate::handover;

/// The interval of the watch. A deadline may be exceeded by up to this time.
const TICK: Duration = Duration::from_millis(100);
/// The maximum number of unused streams that are kept for later calls.
const MOST_SPARE_STREAMS: usize = 64;

/// A call that has not returned.
struct Waiting {
    /// The tick at which the time limit is reached.
    over_at: u64,
    /// The tick from which a wait for a client is stalled, or `None` for a call of a store.
    stalls_at: Option<u64>,
    /// Whether the wait was ended because the instance had too many stalled waits.
    is_displaced: Cell<bool>,
    /// The end of the stream that wakes the call. It is taken when the watch wakes the call.
    waker: RefCell<Option<StreamWriter<u8>>>,
}

/// The result of a wait for a client.
pub enum Waited<T> {
    /// The client completed its part.
    Done(T),
    /// The client was too slow.
    TooSlow,
    /// Too many clients of this instance are stalled, and this one has stalled for the longest time.
    Displaced,
}

#[derive(Default)]
struct Watch {
    calls: RefCell<Vec<Rc<Waiting>>>,
    /// Unused streams: the end that signals and the end that is awaited.
    spare_streams: RefCell<Vec<(StreamWriter<u8>, StreamReader<u8>)>>,
    /// The number of ticks so far.
    ticks: Cell<u64>,
    ticking: BackgroundTask,
}

thread_local! {
    static WATCH: Rc<Watch> = Rc::default();
}

/// Returns the result of `call`, which must not have begun. Returns `None` and cancels the call if it takes longer than
/// `limit`.
pub async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    handover::settled().await;
    match watched(limit, None, call).await {
        (Waited::Done(answer), _) => Some(answer),
        _ => None,
    }
}

/// Waits for a client as long as `pace` allows. Also returns the waiting time, with the precision of a tick.
pub async fn within_pace<T>(pace: &Pace, call: impl Future<Output = T>) -> (Waited<T>, Duration) {
    if pace.patience().is_zero() {
        return (Waited::TooSlow, Duration::ZERO);
    }
    watched(pace.patience(), Some(pace.stalls_after()), call).await
}

async fn watched<T>(
    limit: Duration,
    stalls_after: Option<Duration>,
    call: impl Future<Output = T>,
) -> (Waited<T>, Duration) {
    let mut call = pin!(call);
    let at_once = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
    if let Poll::Ready(answer) = at_once {
        return (Waited::Done(answer), Duration::ZERO);
    }
    let begun = WATCH.with(|watch| watch.ticks.get());
    let (watched, mut wakeup) = WATCH.with(|watch| watch.begin(limit, stalls_after));
    let answer = {
        let mut woken = pin!(wakeup.read(Vec::with_capacity(1)));
        poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => woken.as_mut().poll(context).map(|_| None),
        })
        .await
    };
    let is_displaced = watched.call.is_displaced.get();
    watched.keep(wakeup);
    let ticks = WATCH.with(|watch| watch.ticks.get()).saturating_sub(begun);
    let waited = TICK.saturating_mul(u32::try_from(ticks).unwrap_or(u32::MAX));
    let answer = match answer {
        Some(answer) => Waited::Done(answer),
        None if is_displaced => Waited::Displaced,
        None => Waited::TooSlow,
    };
    (answer, waited)
}

impl Watch {
    fn begin(
        self: &Rc<Self>,
        limit: Duration,
        stalls_after: Option<Duration>,
    ) -> (Watched, StreamReader<u8>) {
        let kept = self.spare_streams.borrow_mut().pop();
        let (waker, wakeup) = kept.unwrap_or_else(wit_stream::new);
        let call = Rc::new(Waiting {
            over_at: self.tick_after(limit),
            stalls_at: stalls_after.map(|after| self.tick_after(after)),
            is_displaced: Cell::new(false),
            waker: RefCell::new(Some(waker)),
        });
        self.calls.borrow_mut().push(Rc::clone(&call));
        if let Some(running) = self.ticking.begin() {
            spawn(tick(Rc::clone(self), running));
        }
        (Watched { watch: Rc::clone(self), call }, wakeup)
    }

    /// Returns the first tick by which `time` has passed.
    fn tick_after(&self, time: Duration) -> u64 {
        let ticks = time.as_millis().div_ceil(TICK.as_millis());
        // The current tick has partly passed.
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1);
        self.ticks.get().saturating_add(ticks)
    }

    /// Marks the stalled waits that exceed the limit of the instance as displaced.
    fn displace(&self, tick: u64) {
        let calls = self.calls.borrow();
        let stalled = calls.iter().filter_map(|call| {
            let since = call.stalls_at.filter(|since| *since <= tick)?;
            Some((since, call))
        });
        for call in pace::excess(stalled.collect()) {
            call.is_displaced.set(true);
        }
    }
}

/// Wakes overdue calls until no call is left.
async fn tick(watch: Rc<Watch>, _running: Running) {
    while !watch.calls.borrow().is_empty() {
        sleep(TICK).await;
        let tick = watch.ticks.get() + 1;
        watch.ticks.set(tick);
        watch.displace(tick);
        let is_over = |call: &&Rc<Waiting>| call.over_at <= tick || call.is_displaced.get();
        let over: Vec<_> = watch.calls.borrow().iter().filter(is_over).cloned().collect();
        for call in over {
            let waker = call.waker.borrow_mut().take();
            if let Some(mut waker) = waker {
                waker.write_one(0).await;
            }
        }
    }
}

/// A call that is watched until this value is dropped.
struct Watched {
    watch: Rc<Watch>,
    call: Rc<Waiting>,
}

impl Watched {
    /// Keeps the stream of a call for reuse, if it was not used.
    fn keep(self, wakeup: StreamReader<u8>) {
        let mut spare_streams = self.watch.spare_streams.borrow_mut();
        if let Some(waker) = self.call.waker.borrow_mut().take()
            && spare_streams.len() < MOST_SPARE_STREAMS
        {
            spare_streams.push((waker, wakeup));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.calls.borrow_mut().retain(|call| !Rc::ptr_eq(call, &self.call));
    }
}
