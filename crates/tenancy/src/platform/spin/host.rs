//! Time, chance and the event loop, from WASI 0.3.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use spin_sdk::{
    wasip3::{clocks::monotonic_clock, clocks::system_clock, random::random, spawn},
    wit_bindgen,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::platform::{Clock, Executor, Random};

/// How long the time of day is reckoned from when it was last read, in microseconds: it may be set
/// meanwhile.
const RECKONED_MICROS: u64 = 1_000_000;

/// The clocks of the host. Each reading is a call of it.
#[derive(Default)]
pub(super) struct HostClock {
    /// The time of day when it was last read for a moment, and the monotonic clock at that time.
    read: Cell<Option<(DateTime<Utc>, u64)>>,
}

impl Clock for HostClock {
    fn now(&self) -> DateTime<Utc> {
        let now = system_clock::now();
        let micros = i64::from(now.nanoseconds / 1_000);
        // Out of chrono's range only in the year 262143.
        DateTime::from_timestamp_micros(
            now.seconds.saturating_mul(1_000_000).saturating_add(micros),
        )
        .unwrap_or_default()
    }

    fn monotonic_micros(&self) -> u64 {
        monotonic_clock::now() / 1_000
    }

    fn moment(&self) -> (DateTime<Utc>, u64) {
        let monotonic = self.monotonic_micros();
        let (read, at) = match self.read.get() {
            Some((read, at)) if monotonic.saturating_sub(at) < RECKONED_MICROS => (read, at),
            _ => (self.now(), monotonic),
        };
        self.read.set(Some((read, at)));
        (read + Duration::from_micros(monotonic.saturating_sub(at)), monotonic)
    }
}

/// The bytes that are taken from the host at a time.
const POOL: u64 = 512;

/// Random bytes of the host, some of them taken ahead: each request needs a few, and a call of the host
/// costs more than they do.
#[derive(Default)]
pub(super) struct HostRandom(RefCell<Zeroizing<Vec<u8>>>);

impl Random for HostRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut pool = self.0.borrow_mut();
        let mut filled = 0;
        while filled < bytes.len() {
            // The host may give fewer bytes than asked for, though never none.
            if pool.is_empty() {
                **pool = random::get_random_bytes(POOL);
            }
            let taken = pool.len().min(bytes.len() - filled);
            let rest = pool.len() - taken;
            bytes[filled..filled + taken].copy_from_slice(&pool[rest..]);
            // It may be a key by now, of which no copy is to stay.
            pool[rest..].zeroize();
            pool.truncate(rest);
            filled += taken;
        }
    }
}

pub(super) struct HostExecutor;

#[async_trait(?Send)]
impl Executor for HostExecutor {
    async fn yield_now(&self) {
        wit_bindgen::yield_async().await;
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        spawn(task);
    }
}
