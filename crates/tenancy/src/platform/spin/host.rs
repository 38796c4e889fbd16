//! Time, chance and the event loop, from WASI 0.3.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use spin_sdk::{
    wasip3::{clocks::monotonic_clock, clocks::system_clock, random::random, spawn},
    wit_bindgen,
};

use crate::platform::{Clock, Executor, Random};

pub(super) struct HostClock;

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
}

pub(super) struct HostRandom;

impl Random for HostRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        // The host may give fewer bytes than asked for, though never none.
        while filled < bytes.len() {
            let wanted = u64::try_from(bytes.len() - filled).unwrap_or(u64::MAX);
            let given = random::get_random_bytes(wanted);
            let end = bytes.len().min(filled + given.len());
            bytes[filled..end].copy_from_slice(&given[..end - filled]);
            filled = end;
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
