//! The state of tenants, users, sessions and API keys in Redis.

use std::time::Duration;

use platform::redis::{RedisError, Reply, Target};
use uuid::Uuid;

use super::protocol::{self, ADMIT, Kept, LIMITS, MINUTE, Metering, Question};
use super::reply::{Day, Lookup};
use crate::{
    context::Context,
    lease::Request,
    log,
    quota::seen::{Owner, Seen, SeenUsage},
    redis_key,
    version_cache::record_time,
};

/// The maximum number of times that a call asks again while another call compares a version with PostgreSQL. After
/// that, it compares the version itself.
const WAITS: u32 = 16;
/// The pause before it asks again.
const WAIT: Duration = Duration::from_millis(3);

/// The arguments that most calls do not have.
#[derive(Default, Clone, Copy)]
pub(super) struct Extra<'a> {
    /// The request for a lease.
    pub(super) lease: Option<&'a Request>,
    /// The usage of the day in PostgreSQL.
    pub(super) kept: Option<Kept>,
}

/// The cache entries and counters that a call needs.
pub(super) struct LookupRequest {
    keys: Vec<String>,
    owners: Vec<Owner>,
}

impl LookupRequest {
    pub(super) fn of_user(tenant: Uuid, user: Uuid, session: Uuid) -> Self {
        Self {
            keys: vec![
                redis_key::tenant(tenant),
                redis_key::user(tenant, user),
                redis_key::session(tenant, session),
            ],
            owners: vec![Owner::Tenant(tenant)],
        }
    }

    pub(super) fn of_api_key(tenant: Uuid, hash: [u8; 32]) -> Self {
        Self {
            keys: vec![redis_key::tenant(tenant), redis_key::api_key(tenant, &hash)],
            owners: vec![Owner::Tenant(tenant), Owner::ApiKey(hash)],
        }
    }

    /// Keeps the counters that the script returned, in case Redis restarts.
    pub(super) fn remember(&self, context: &Context, found: &Lookup, day: Day) {
        let (Some(process), meter) = (found.process, &found.meter) else { return };
        let now = context.platform.clock.monotonic_micros();
        let seen = |name: &str| {
            let limit = meter.limits.iter().find(|limit| limit.name == name)?;
            let until = if limit.window == MINUTE {
                let reset = u64::from(limit.reset) * 1_000_000;
                i64::try_from(now.saturating_add(reset)).unwrap_or(i64::MAX)
            } else {
                day.number
            };
            Some(Seen { process, used: limit.used, until })
        };
        for (owner, names) in self.owners.iter().zip([[0, 1], [2, 3]]) {
            let [minute, day] = names.map(|name| seen(LIMITS[name].0));
            context.state::<SeenUsage>().calls(*owner, minute, day);
        }
    }

    /// Asks Redis and counts the call. If Redis is unavailable, nothing is known.
    ///
    /// When many calls find a stale version at once, one call compares it with PostgreSQL and the others wait.
    pub(super) async fn ask(
        &self,
        context: &Context,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        extra: Extra<'_>,
    ) -> Lookup {
        let mut found = self.ask_once(context, versions, metering, extra).await;
        for _ in 0..WAITS {
            if !found.is_to_wait() {
                break;
            }
            context.platform.executor.sleep(WAIT).await;
            let before = found;
            found = self.ask_once(context, versions, metering, extra).await;
            found.stays_due(&before);
        }
        found
    }

    /// Asks Redis without waiting for another call. After a failure of a kept connection, the second attempt opens a
    /// new one, which may lead to a new process.
    pub(super) async fn ask_once(
        &self,
        context: &Context,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        extra: Extra<'_>,
    ) -> Lookup {
        let mut before = context.platform.redis.process();
        let mut replies = self.run(context, versions, metering, extra).await;
        if matches!(replies, Err(RedisError::Unavailable(_) | RedisError::OtherProcess)) {
            before = context.platform.redis.process();
            replies = self.run(context, versions, metering, extra).await;
        }
        match replies {
            Ok(replies) => {
                let after = context.platform.redis.process();
                let process = after.filter(|after| before == Some(*after));
                let found = protocol::read(replies, process, 2 * self.owners.len());
                record_time(context, found.process, found.redis_seconds);
                found
            }
            Err(error) => {
                let error = error.into();
                log::warning(
                    context,
                    "Redis unavailable; reading versions from PostgreSQL",
                    &error,
                );
                Lookup::default()
            }
        }
    }

    async fn run(
        &self,
        context: &Context,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        Extra { lease, kept }: Extra<'_>,
    ) -> Result<Vec<Reply>, RedisError> {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let earlier = context.state::<SeenUsage>().earlier_calls(context, &self.owners);
        // The clock is read only after a restart of Redis.
        let has_earlier = earlier.iter().any(Option::is_some);
        let now = if has_earlier { context.platform.clock.monotonic_micros() } else { 0 };
        let lease = lease.map(|request| request.pack(context)).unwrap_or_default();
        let question = Question { versions, metering, lease: &lease, kept, earlier: &earlier, now };
        // Not another process: the arguments lack the counters to carry over to it.
        let target = Target { process: context.platform.redis.process(), is_urgent: false };
        ADMIT.run_on(&*context.platform.redis, target, &keys, &question.arguments()).await
    }
}
