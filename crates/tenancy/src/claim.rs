//! Tasks that one instance does for all: the first one to set a mark in Redis has claimed the task.

use std::{cell::Cell, time::Duration};

use platform::redis::{Argument, RedisError, Reply};

use crate::context::Context;

/// Claims a task, and returns whether no instance has claimed it for the last `validity`. `mark` is the name of the
/// task's key.
pub(crate) async fn claim(
    context: &Context,
    mark: &str,
    validity: Duration,
) -> Result<bool, RedisError> {
    let milliseconds = i64::try_from(validity.as_millis()).unwrap_or(i64::MAX);
    let arguments: [Argument<'_>; 5] =
        [Argument::Key(mark), "1".into(), "PX".into(), Argument::Int(milliseconds), "NX".into()];
    let set = context.platform.redis.execute("SET", &arguments).await?;
    Ok(!matches!(set.first(), Some(Reply::Nil) | None))
}

/// The time of an instance's next attempt to claim a regular task.
#[derive(Default)]
pub(crate) struct NextAttempt(Cell<u64>);

impl NextAttempt {
    /// Returns whether an attempt is due. If so, the next one is due after `interval`.
    pub(crate) fn is_due(&self, context: &Context, interval: Duration) -> bool {
        let now = context.platform.clock.monotonic_micros();
        let is_due = now >= self.0.get();
        if is_due {
            let interval = u64::try_from(interval.as_micros()).unwrap_or(u64::MAX);
            self.0.set(now.saturating_add(interval));
        }
        is_due
    }
}
