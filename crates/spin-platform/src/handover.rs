//! The handover of a response from the instance to its connection in one segment.
//!
//! Spin does not disable Nagle's algorithm. If the header of a response is sent before its body, the body waits 40 ms
//! for the client's delayed acknowledgement. The host wakes the connection's task as soon as it has a response, and
//! takes the body from the instance a moment later. This works if the task waits for the thread that runs the instance.
//! Tokio, on which Spin runs, queues the task in a slot of this thread, but other threads can take it in two cases:
//!
//! - The slot was used three times in a row. After a turn of the event loop it can be used again.
//! - Another task is woken, for example by a Redis call. So other requests of the instance give the host a turn before
//!   such a call if a body was not taken yet.

use std::cell::Cell;

use spin_sdk::wit_bindgen;

/// The number of turns for other requests of the instance before the host gets a response.
const TURNS: u32 = 2;

thread_local! {
    static UNDERWAY: Cell<u32> = const { Cell::new(0) };
}

/// A response whose body is being written and was not taken by the host. It ends when this value is dropped.
pub struct Handover(());

impl Handover {
    /// Marks the start of writing a body.
    pub fn begin() -> Self {
        UNDERWAY.set(UNDERWAY.get() + 1);
        Self(())
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        UNDERWAY.set(UNDERWAY.get().saturating_sub(1));
    }
}

/// Waits between writing the body and giving the response to the host.
pub async fn ready() {
    for _ in 0..TURNS {
        wit_bindgen::yield_async().await;
    }
}

/// Waits before a call that wakes a task of the host: gives the host a turn if it has not taken a response. A single
/// turn is nearly always enough. A longer wait could be endless, because the host may never take the response.
pub async fn settled() {
    if UNDERWAY.get() > 0 {
        wit_bindgen::yield_async().await;
    }
}
