//! The sums of the counters of all instances, in Redis.

use std::sync::LazyLock;

use platform::redis::{Argument, Script};

use crate::{context::Context, log, redis_key};

static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for index = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) \
         end redis.call('EXPIRE', KEYS[1], 604800) return 1",
    )
});

/// Adds the counts of this instance to the sums. Returns false if Redis is unavailable.
pub(crate) async fn add(context: &Context) -> bool {
    let fields = context.counters.take();
    if fields.is_empty() {
        return true;
    }
    let mut arguments = Vec::with_capacity(fields.len() * 2);
    for (field, amount) in &fields {
        arguments.push(Argument::from(field));
        arguments.push(Argument::Int(i64::try_from(*amount).unwrap_or(i64::MAX)));
    }
    if let Err(error) = ADD.run(&*context.platform.redis, &[redis_key::COUNTERS], &arguments).await
    {
        log::warning(context, "Redis unavailable; metrics are written later", &error.into());
        context.counters.put_back(fields);
        return false;
    }
    true
}
