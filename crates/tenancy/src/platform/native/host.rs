//! Time, chance and the event loop of a native program.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;

use crate::platform::{Clock, Executor, Random};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The clock of the system.
pub struct NativeClock;

impl Clock for NativeClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> DateTime<Utc> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        DateTime::from_timestamp_micros(micros).unwrap_or_default()
    }

    fn monotonic_micros(&self) -> u64 {
        u64::try_from(START.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// The randomness of the system.
pub struct NativeRandom;

impl Random for NativeRandom {
    #[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::expect_used, reason = "a system without randomness cannot go on safely")]
        getrandom::fill(bytes).expect("the system gives random bytes");
    }
}

/// The tokio runtime that the program runs on.
pub struct NativeExecutor;

#[async_trait(?Send)]
impl Executor for NativeExecutor {
    async fn yield_now(&self) {
        tokio::task::yield_now().await;
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Runs the task on the `LocalSet` that the program must run in.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(task);
    }
}
