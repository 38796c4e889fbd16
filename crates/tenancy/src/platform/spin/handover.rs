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

use std::cell::Cell;

use spin_sdk::wit_bindgen;

/// The turns that other requests of the instance get before the host gets an answer.
const TURNS: u32 = 2;

thread_local! {
    static UNDERWAY: Cell<u32> = const { Cell::new(0) };
}

/// An answer whose body is being written and which the host has not taken, until this is dropped.
pub(super) struct Handover(());

impl Handover {
    /// The body is about to be written.
    pub(super) fn begin() -> Self {
        UNDERWAY.set(UNDERWAY.get() + 1);
        Self(())
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        UNDERWAY.set(UNDERWAY.get().saturating_sub(1));
    }
}

/// Returns how many answers there are whose body the host has not taken.
pub(super) fn underway() -> u32 {
    UNDERWAY.get()
}

/// What comes between writing the body and giving the answer to the host.
pub(super) async fn ready() {
    for _ in 0..TURNS {
        wit_bindgen::yield_async().await;
    }
}

/// What comes before a call that wakes a task of the host: a turn for the host, if there is an answer that it
/// has not taken. One is enough nearly always, and it may never want an answer.
pub(super) async fn settled() {
    if UNDERWAY.get() > 0 {
        wit_bindgen::yield_async().await;
    }
}
