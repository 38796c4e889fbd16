//! The time for which a Redis process is known to serve.
//!
//! The leases of an earlier process may still be valid while a new process has no record of them. They have ended once
//! the new process has been serving for longer than a lease is valid. An instance knows this from its own monotonic
//! clock, or from a mark that another instance set in the process when it knew. So the first change in a process waits,
//! and later ones do not, not even those of new instances.

use std::{cell::Cell, time::Duration};

use platform::redis::{Argument, Command, ProcessId, RedisError, Reply, Target};

use crate::{context::Context, redis_key};

/// The seconds for which the mark is kept. If it is missing, a change waits once more.
const KEPT: i64 = 30 * 24 * 60 * 60;

/// What this instance knows about the process of its connection.
#[derive(Default)]
pub(super) struct Serving(Cell<Option<Known>>);

#[derive(Clone, Copy)]
struct Known {
    process: ProcessId,
    /// The time of the monotonic clock, in microseconds, at which the process was serving.
    since: u64,
    /// Whether the leases of earlier processes have ended.
    is_settled: bool,
}

impl Serving {
    /// Records that a process is serving now.
    fn observe(&self, process: ProcessId, now: u64) -> Known {
        let known = self.0.get().filter(|known| known.process == process);
        let known = known.unwrap_or(Known { process, since: now, is_settled: false });
        self.0.set(Some(known));
        known
    }
}

/// Records that the process of the kept connection is serving now.
pub(super) fn observe(context: &Context, now: u64) {
    if let Some(process) = context.platform.redis.process() {
        context.state::<Serving>().observe(process, now);
    }
}

/// Returns whether the process of the kept connection has been serving for `duration`. It may call Redis.
pub(super) async fn is_serving_for(context: &Context, duration: Duration) -> bool {
    if duration.is_zero() {
        return true;
    }
    let Some(process) = context.platform.redis.process() else { return false };
    let serving = context.state::<Serving>();
    let now = context.platform.clock.monotonic_micros();
    let known = serving.observe(process, now);
    if known.is_settled {
        return true;
    }
    let mark = Argument::Key(redis_key::SERVING);
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    let is_settled = if now.saturating_sub(known.since) >= micros {
        // Without the mark, new instances wait once.
        let set = [mark, "1".into(), "EX".into(), Argument::Int(KEPT)];
        let _ = run(context, process, "SET", &set).await;
        true
    } else {
        let replies = run(context, process, "GET", &[mark]).await;
        replies.is_ok_and(|replies| replies.first().and_then(Reply::as_bytes).is_some())
    };
    if is_settled {
        serving.0.set(Some(Known { is_settled, ..known }));
    }
    is_settled
}

/// Runs a command on this process only.
async fn run(
    context: &Context,
    process: ProcessId,
    name: &str,
    arguments: &[Argument<'_>],
) -> Result<Vec<Reply>, RedisError> {
    let target = Target { process: Some(process), is_urgent: false };
    context.platform.redis.run(Command { name, arguments, target }).await
}
