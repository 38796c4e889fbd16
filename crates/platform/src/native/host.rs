//! The clock, randomness and event loop of a native program.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;

use crate::{Clock, Executor, Random};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The system clock.
pub struct NativeClock;

impl Clock for NativeClock {
    #[expect(clippy::disallowed_methods, reason = "this is the source of the time")]
    fn now(&self) -> DateTime<Utc> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The system's source of randomness.
pub struct NativeRandom;

impl Random for NativeRandom {
    #[expect(clippy::disallowed_methods, reason = "this is the source of randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "a system without randomness cannot run safely")]
        getrandom::fill(bytes).expect("the system provides random bytes");
    }
}

/// The tokio runtime of the program.
pub struct NativeExecutor;

#[async_trait(?Send)]
impl Executor for NativeExecutor {
    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Runs the task on the `LocalSet` in which the program must run.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(task);
    }
}
