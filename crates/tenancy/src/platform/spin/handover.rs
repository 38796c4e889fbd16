//! How an answer gets from the instance to its connection in one segment.
//!
//! Spin leaves Nagle's algorithm on: an answer whose header leaves before its body waits 40 ms for the
//! client's delayed acknowledgement. The host wakes the connection's task as soon as it has an answer, and
//! takes the body from the instance a moment later. That goes well as long as the task waits for the very
//! thread that runs the instance. Tokio, on which Spin runs, has it wait there in a slot of its own, but
//! lets other threads have it in two cases:
//!
//! - The slot was used three times in a row: after a turn of the event loop it is free to be used again.
//! - Another task is woken, as by a call of Redis: so other requests of the instance give the host a turn
//!   before they make one, if the body was not taken yet.

use std::{cell::Cell, marker::PhantomData};

use spin_sdk::wit_bindgen;

/// The turns that other requests of the instance get before an answer.
const TURNS: u32 = 2;

thread_local! {
    static UNDERWAY: Cell<u32> = const { Cell::new(0) };
}

/// An answer that the host has and whose body it has not, until this is dropped.
pub(super) struct Handover(PhantomData<*const ()>);

impl Handover {
    /// Begins to hand an answer over, for which [`ready`] has made ready.
    pub(super) fn begin() -> Self {
        UNDERWAY.set(UNDERWAY.get() + 1);
        Self(PhantomData)
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        UNDERWAY.set(UNDERWAY.get().saturating_sub(1));
    }
}

/// Makes ready to hand an answer over.
pub(super) async fn ready() {
    for _ in 0..TURNS {
        wit_bindgen::yield_async().await;
    }
}

/// Before a call that wakes a task of the host: gives the host a turn, if it has not all of the answers that it
/// was given. One is enough nearly always, and the host may want an answer no more.
pub(super) async fn settled() {
    if UNDERWAY.get() > 0 {
        wit_bindgen::yield_async().await;
    }
}
