//! Deadlines on host calls.
//!
//! A timer of each call's own would cost more than most calls: one that is not needed any more has to
//! be cancelled, for which the host puts the instance aside. So one watch looks after all calls of an
//! instance, a few times a second, as long as there are any. It wakes a call whose time is over by a
//! stream: one request cannot wake another without the host.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use spin_sdk::{
    time::sleep,
    wasip3::{spawn, wit_stream},
    wit_bindgen::{StreamReader, StreamWriter},
};

use super::handover;
use crate::http::pace::{self, Pace};

/// How often the watch looks: a deadline is kept with up to this much more.
const TICK: Duration = Duration::from_millis(100);
/// The bells that are kept for later calls.
const MOST_BELLS: usize = 64;

/// A call that has not returned.
struct Waiting {
    /// The tick at which its time is over.
    over_at: u64,
    /// The tick from which a wait for a client counts as a stall; `None` for a call of a store.
    stalls_at: Option<u64>,
    /// Whether the wait ended because the instance had too many of its kind.
    is_displaced: Cell<bool>,
    /// Taken when it rings.
    rope: RefCell<Option<StreamWriter<u8>>>,
}

/// The end of a wait for a client.
pub(super) enum Waited<T> {
    /// The client did its part.
    Done(T),
    /// It took too long.
    TooSlow,
    /// Too many clients of this instance stand still, and this one has for the longest time.
    Displaced,
}

#[derive(Default)]
struct Watch {
    calls: RefCell<Vec<Rc<Waiting>>>,
    /// Streams that no call has: the end that rings, and the end that is listened to.
    bells: RefCell<Vec<(StreamWriter<u8>, StreamReader<u8>)>>,
    /// How often it has looked.
    ticks: Cell<u64>,
    is_looking: Cell<bool>,
}

thread_local! {
    static WATCH: Rc<Watch> = Rc::default();
}

/// What `call`, which has not begun, returns, or `None` when it takes longer than `limit`; it is then cancelled.
pub(super) async fn within<T>(limit: Duration, call: impl Future<Output = T>) -> Option<T> {
    handover::settled().await;
    match watched(limit, None, call).await {
        (Waited::Done(answer), _) => Some(answer),
        _ => None,
    }
}

/// Waits for a client as long as `pace` allows, and returns how long that was, to a tick.
pub(super) async fn within_pace<T>(
    pace: &Pace,
    call: impl Future<Output = T>,
) -> (Waited<T>, Duration) {
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
    let (watched, mut bell) = WATCH.with(|watch| watch.begin(limit, stalls_after));
    let answer = {
        let mut ring = pin!(bell.read(Vec::with_capacity(1)));
        poll_fn(|context| match call.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => ring.as_mut().poll(context).map(|_| None),
        })
        .await
    };
    let is_displaced = watched.call.is_displaced.get();
    watched.keep(bell);
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
        let kept = self.bells.borrow_mut().pop();
        let (rope, bell) = kept.unwrap_or_else(wit_stream::new);
        let call = Rc::new(Waiting {
            over_at: self.tick_after(limit),
            stalls_at: stalls_after.map(|after| self.tick_after(after)),
            is_displaced: Cell::new(false),
            rope: RefCell::new(Some(rope)),
        });
        self.calls.borrow_mut().push(Rc::clone(&call));
        if !self.is_looking.replace(true) {
            spawn(Looking(Rc::clone(self)).look());
        }
        (Watched { watch: Rc::clone(self), call }, bell)
    }

    /// Returns the first tick at which `time` has passed.
    fn tick_after(&self, time: Duration) -> u64 {
        let ticks = time.as_millis().div_ceil(TICK.as_millis());
        // The tick that is under way has partly passed.
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1);
        self.ticks.get().saturating_add(ticks)
    }

    /// Displaces the clients that stand still above the bound of the instance.
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

/// The watch at work. It may be lost with the request that began it: the next call begins another.
struct Looking(Rc<Watch>);

impl Looking {
    async fn look(self) {
        let watch = &self.0;
        while !watch.calls.borrow().is_empty() {
            sleep(TICK).await;
            let tick = watch.ticks.get() + 1;
            watch.ticks.set(tick);
            watch.displace(tick);
            let is_over = |call: &&Rc<Waiting>| call.over_at <= tick || call.is_displaced.get();
            let over: Vec<_> = watch.calls.borrow().iter().filter(is_over).cloned().collect();
            for call in over {
                let rope = call.rope.borrow_mut().take();
                if let Some(mut rope) = rope {
                    rope.write_one(0).await;
                }
            }
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.is_looking.set(false);
    }
}

/// A call under the watch, until this is dropped.
struct Watched {
    watch: Rc<Watch>,
    call: Rc<Waiting>,
}

impl Watched {
    /// Keeps the bell of a call for another one, if it has not rung.
    fn keep(self, bell: StreamReader<u8>) {
        let mut bells = self.watch.bells.borrow_mut();
        if let Some(rope) = self.call.rope.borrow_mut().take()
            && bells.len() < MOST_BELLS
        {
            bells.push((rope, bell));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.calls.borrow_mut().retain(|call| !Rc::ptr_eq(call, &self.call));
    }
}
