//! The time for which a Redis process is known to serve.
//!
//! The leases of an earlier process may still be valid while a new process has no record of them. They have ended once
//! the new process has been serving for longer than a lease is valid. An instance knows this from its own connection, or
//! from the time at which the first instance asked the process.

use std::{cell::Cell, sync::LazyLock, time::Duration};

use platform::redis::{Argument, ProcessId, Reply, Script};

use crate::{context::Context, redis_key};

/// The seconds for which Redis keeps the time of the first question. If it is missing, a change waits once more.
const KEPT: i64 = 30 * 24 * 60 * 60;

static SERVING: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("serving.lua")));

/// The earliest time of the monotonic clock, in microseconds, at which the current process was serving.
#[derive(Default)]
pub(super) struct Serving(Cell<Option<(ProcessId, u64)>>);

impl Serving {
    /// Records that a process was serving at a time.
    fn record(&self, process: ProcessId, micros: u64) {
        let known = self.0.get().filter(|known| known.0 == process);
        self.0.set(Some((process, known.map_or(micros, |known| known.1.min(micros)))));
    }
}

/// Records that the process of the kept connection is serving now.
pub(super) fn observe(context: &Context, now: u64) {
    if let Some(process) = context.platform.redis.process() {
        context.state::<Serving>().record(process, now);
    }
}

/// Returns whether the process of the kept connection has been serving for `duration`. It may ask Redis.
pub(super) async fn is_serving_for(context: &Context, duration: Duration) -> bool {
    let now = context.platform.clock.monotonic_micros();
    let Some(process) = context.platform.redis.process() else { return false };
    let serving = context.state::<Serving>();
    let known = serving.0.get().filter(|known| known.0 == process);
    if known.is_some_and(|known| now.saturating_sub(known.1) >= micros(duration)) {
        return true;
    }
    let keys = [redis_key::SERVING_SINCE];
    let replies = SERVING.run(&*context.platform.redis, &keys, &[Argument::Int(KEPT)]).await;
    if context.platform.redis.process() != Some(process) {
        return false;
    }
    let age = replies.ok().and_then(|replies| replies.first().and_then(Reply::as_int));
    let age = age.and_then(|age| u64::try_from(age).ok()).unwrap_or(0);
    serving.record(process, now.saturating_sub(age.saturating_mul(1_000)));
    age.saturating_mul(1_000) >= micros(duration)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
