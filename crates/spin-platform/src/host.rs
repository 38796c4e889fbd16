//! The clock, randomness and event loop, from WASI 0.3.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use platform::{Clock, Executor, Random};
use spin_sdk::{
    wasip3::{
        clocks::{monotonic_clock, system_clock},
        random::random,
        spawn,
    },
    wit_bindgen,
};
use zeroize::{Zeroize as _, Zeroizing};

/// How long the time of day is computed from the last reading, in microseconds. The limit is necessary because the
/// system clock may be adjusted.
const RECKONED_MICROS: u64 = 1_000_000;

/// The clocks of the host. Each reading is a host call.
#[derive(Default)]
pub(super) struct HostClock {
    /// The last reading of the time of day, and the monotonic clock at that time.
    read: Cell<Option<(DateTime<Utc>, u64)>>,
}

impl Clock for HostClock {
    fn now(&self) -> DateTime<Utc> {
        let now = system_clock::now();
        let micros = i64::from(now.nanoseconds / 1_000);
        // Out of the range of chrono only from the year 262143.
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

/// The number of bytes that are requested from the host at once.
const POOL: u64 = 512;

/// Random bytes of the host, requested in advance. Each request needs only a few, and a host call costs more than
/// generating them.
#[derive(Default)]
pub(super) struct HostRandom(RefCell<Zeroizing<Vec<u8>>>);

impl Random for HostRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut pool = self.0.borrow_mut();
        let mut filled = 0;
        while filled < bytes.len() {
            // The host may return fewer bytes than requested, but at least one.
            if pool.is_empty() {
                **pool = random::get_random_bytes(POOL);
            }
            let taken = pool.len().min(bytes.len() - filled);
            let rest = pool.len() - taken;
            bytes[filled..filled + taken].copy_from_slice(&pool[rest..]);
            // The bytes may be part of a key, so no copy may remain.
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
