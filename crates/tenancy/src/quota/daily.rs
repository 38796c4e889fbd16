//! Consumption of the quota of a day.

use std::{collections::HashMap, rc::Rc, sync::LazyLock};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use platform::redis::{Argument, ProcessId, RedisError, Reply, Script, Target};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    day_number, record_soft_limit,
    repo::{self, Report},
    seen::{self, Seen, SeenUsage},
};
use crate::{
    context::Context,
    error::{Error, Result},
    event::Actor,
    lease, log,
    quota::{
        Counter,
        carry::{CARRY, RAISE},
        counter::KEPT,
    },
    redis_key,
    resource::DailyResource,
    tenant::Tenant,
};

static CONSUME: LazyLock<Script> =
    LazyLock::new(|| Script::new([lease::RECORD, CARRY, include_str!("consume.lua")].concat()));

/// The number of seconds for which a report is kept.
const REPORT_KEPT: i64 = 24 * 60 * 60;

/// The outcome of a consumption, with the usage.
enum Taken {
    Yes { usage: i64, settled: i64, process: ProcessId },
    OverLimit { usage: i64 },
}

/// The reply of the script.
struct Consumed {
    outcome: i64,
    usage: i64,
    /// The usage without the reports that the catalog has not stored. A repetition of such a report counts it.
    settled: i64,
    process: ProcessId,
}

/// An amount of a resource to take from the quota of a day.
struct Take<'a> {
    context: &'a Context,
    tenant: &'a Tenant,
    resource: DailyResource,
    amount: i64,
    day: NaiveDate,
    /// The key under which it is counted only once.
    report: Option<&'a str>,
}

impl Take<'_> {
    fn limit(&self) -> i64 {
        self.tenant.limits.of(self.resource.resource())
    }

    async fn run(&self) -> Result<Taken> {
        let mut kept = String::new();
        // The second attempt passes the usage from PostgreSQL.
        for _ in 0..2 {
            match self.ask(&kept).await? {
                Consumed { outcome: -1, .. } => {
                    let catalog = self.context.catalog().await?;
                    let (tenant, resource) = (self.tenant.id, self.resource.as_str());
                    let used = repo::find(&*catalog, tenant, resource, self.day).await?;
                    kept = used.unwrap_or(0).to_string();
                }
                Consumed { outcome: 0, usage, .. } => return Ok(Taken::OverLimit { usage }),
                Consumed { usage, settled, process, .. } => {
                    return Ok(Taken::Yes { usage, settled, process });
                }
            }
        }
        Err(Error::unavailable("Redis repeatedly lost the counter of the day"))
    }

    /// Stores the usage in memory, in case the Redis process loses it.
    fn remember(&self, usage: i64, process: ProcessId) {
        let seen = Seen { process, used: usage, until: day_number(self.day) };
        self.context.state::<SeenUsage>().daily(self.tenant.id, self.resource, seen);
    }

    async fn ask(&self, kept: &str) -> Result<Consumed, RedisError> {
        let before = self.context.platform.redis.process();
        let replies = match self.consume(kept).await {
            // A report is counted only once for its key, so it can be retried.
            Err(RedisError::Unavailable(_)) if self.report.is_some() => self.consume(kept).await,
            // A restarted Redis has not counted a use that the earlier process may have counted.
            Err(RedisError::Unavailable(_) | RedisError::OtherProcess)
                if self.has_restarted(before).await =>
            {
                self.consume(kept).await
            }
            replies => replies,
        }?;
        let int = |index: usize| replies.get(index).and_then(Reply::as_int);
        let process = replies.get(2).and_then(Reply::as_bytes).and_then(ProcessId::of_digits);
        match (int(0), int(1), process, int(3)) {
            (Some(outcome), Some(usage), Some(process), Some(settled)) => {
                Ok(Consumed { outcome, usage, settled, process })
            }
            _ => {
                Err(RedisError::Refused("the quota script returned an unexpected reply".to_owned()))
            }
        }
    }

    /// Returns whether the connection leads to another process than `before`.
    async fn has_restarted(&self, before: Option<ProcessId>) -> bool {
        let redis = &self.context.platform.redis;
        redis.execute("PING", &[]).await.is_ok() && redis.process() != before
    }

    async fn consume(&self, kept: &str) -> Result<Vec<Reply>, RedisError> {
        let counter = Counter::Tenant(self.resource);
        let mut keys = vec![counter.key(self.tenant.id, self.day)];
        if let Some(report) = self.report {
            keys.push(report_key(self.tenant.id, report));
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let (seen_usage, day) = (&self.context.state::<SeenUsage>(), day_number(self.day));
        let earlier = seen_usage.earlier_daily(self.context, self.tenant.id, self.resource, day);
        let mut arguments = vec![
            Argument::Int(self.amount),
            Argument::Int(self.limit()),
            Argument::from(kept),
            Argument::Int(KEPT),
            Argument::Int(REPORT_KEPT),
        ];
        seen::append(&mut arguments, earlier.as_ref(), |seen| seen.until);
        // Not another process: the arguments lack the counters to carry over to it.
        let target = Target { process: self.context.platform.redis.process(), is_urgent: false };
        CONSUME.run_on(&*self.context.platform.redis, target, &keys, &arguments).await
    }

    fn refused(&self, usage: i64) -> Error {
        let now = self.context.platform.clock.now();
        let midnight = (self.day + TimeDelta::days(1)).and_time(NaiveTime::MIN).and_utc();
        let seconds = u32::try_from((midnight - now).num_seconds()).unwrap_or(1).max(1);
        let resource = self.resource.resource();
        self.context.counters.quota_refused(resource);
        Error::QuotaExceeded { resource, limit: self.limit(), usage, retry_after: Some(seconds) }
    }
}

/// Takes an amount from the tenant's quota of today and returns the usage after it; `None` if Redis is unavailable.
///
/// # Errors
/// [`Error::QuotaExceeded`] if less than the amount is left. Nothing was taken then.
pub async fn consume(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: DailyResource,
    amount: i64,
    actor: &Actor,
) -> Result<Option<i64>> {
    let day = context.platform.clock.now().date_naive();
    let take = Take { context, tenant, resource, amount, day, report: None };
    match take.run().await {
        Ok(Taken::Yes { usage, settled, process }) => {
            take.remember(settled, process);
            let counter = Counter::Tenant(resource);
            super::checkpoint::schedule(context, tenant.id, counter, day, Some((process, settled)));
            let step = (usage - amount, usage);
            record_soft_limit(context, tenant, resource.resource(), step, take.limit(), actor);
            Ok(Some(usage))
        }
        Ok(Taken::OverLimit { usage }) => Err(take.refused(usage)),
        // No retry: if the first attempt was counted, a second one would make the counter wrong.
        Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => {
            log::warning(context, "Redis unavailable; allowing a use without counting it", &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The result of a report.
pub struct Reported {
    /// The day on which the report is counted.
    pub day: NaiveDate,
    /// The usage of that day's quota after the report.
    pub usage: i64,
    /// Whether the report was counted by an earlier call, whose result is returned again.
    pub is_replay: bool,
}

/// Counts a use that a service reports, once for each `key`, regardless of repetitions.
///
/// Under a crash: the catalog records the report. Redis then claims and counts it in one step, and the catalog stores
/// the usage with the report in one statement. If a report is interrupted, its repetition counts it: Redis knows
/// whether it has counted the report. After a restart, Redis starts its counter from the usage in the catalog. If that
/// happened just before the catalog stored this report, the counter is raised by the report before the report is
/// acknowledged. No acknowledged report is lost, and none is counted twice: usage that leaves its Redis process, for
/// the catalog or for the memory of an instance, excludes the reports that the catalog has not stored.
///
/// # Errors
/// [`Error::QuotaExceeded`], [`Error::IdempotencyKeyReused`], and [`Error::Unavailable`] while a store is unavailable.
/// Repeating the call is safe.
pub async fn report(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: DailyResource,
    amount: i64,
    key: &str,
    actor: &Actor,
) -> Result<Reported> {
    let catalog = context.catalog().await?;
    let today = context.platform.clock.now().date_naive();
    let new = Report { resource, amount, day: today, usage: None, process: None };
    let report = repo::claim(&*catalog, tenant.id, key, &new).await?;
    if (report.resource, report.amount) != (resource, amount) {
        return Err(Error::IdempotencyKeyReused);
    }
    let day = report.day;
    if let Some(usage) = report.usage {
        // The response to an earlier call may have been lost before the counter was raised.
        if let Some(process) = &report.process {
            raise(context, tenant.id, (resource, day), process, usage, key).await?;
        }
        return Ok(Reported { day, usage, is_replay: true });
    }
    let take = Take { context, tenant, resource, amount, day, report: Some(key) };
    let (usage, process) = match take.run().await? {
        // This report is not settled yet.
        Taken::Yes { settled, process, .. } => (settled.saturating_add(amount), process),
        Taken::OverLimit { usage } => {
            repo::withdraw(&*catalog, tenant.id, key).await?;
            return Err(take.refused(usage));
        }
    };
    let digits = String::from_utf8_lossy(process.digits()).into_owned();
    let settled = Report { usage: Some(usage), process: Some(digits.clone()), ..report };
    repo::settle(&*catalog, tenant.id, key, &settled).await?;
    // Not earlier: a report that is not settled is counted by its repetition.
    take.remember(usage, process);
    raise(context, tenant.id, (resource, day), &digits, usage, key).await?;
    let step = (usage - amount, usage);
    record_soft_limit(context, tenant, resource.resource(), step, take.limit(), actor);
    Ok(Reported { day, usage, is_replay: false })
}

/// Returns the Redis key of a report.
fn report_key(tenant: Uuid, report: &str) -> String {
    redis_key::report(tenant, Sha256::digest(report.as_bytes()).into())
}

/// Reports to Redis that the catalog has stored a report. If Redis runs another process by now, carries the usage that
/// `process` counted with the report over to the counter of the day, and stores the resulting counter.
async fn raise(
    context: &Context,
    tenant: Uuid,
    (resource, day): (DailyResource, NaiveDate),
    process: &str,
    usage: i64,
    report: &str,
) -> Result<()> {
    let key = Counter::Tenant(resource).key(tenant, day);
    let report = report_key(tenant, report);
    let arguments = [Argument::from(process), Argument::Int(usage), Argument::Int(KEPT)];
    let redis = &*context.platform.redis;
    let replies = RAISE.run_with_retry(redis, &[&key, &report], &arguments).await?;
    let counter = replies.first().and_then(Reply::as_int).unwrap_or(0);
    if counter > usage {
        let raised = HashMap::from([((tenant, Counter::Tenant(resource), day), counter)]);
        repo::keep(&*context.catalog().await?, &raised).await?;
    }
    Ok(())
}

/// Returns the usage of each daily resource today: from Redis, or from the catalog and the instance's memory if Redis
/// does not have it.
pub(crate) async fn current(
    context: &Context,
    tenant: Uuid,
    day: NaiveDate,
) -> Result<HashMap<DailyResource, i64>> {
    let keys = DailyResource::ALL.map(|resource| Counter::Tenant(resource).key(tenant, day));
    let arguments: Vec<Argument<'_>> = keys.iter().map(|key| Argument::Key(key)).collect();
    let replies = match context.platform.redis.execute("MGET", &arguments).await {
        Ok(replies) => replies,
        Err(error) => {
            log::warning(
                context,
                "Redis unavailable; reading usage from PostgreSQL",
                &error.into(),
            );
            Vec::new()
        }
    };
    let mut used = HashMap::new();
    for (index, resource) in DailyResource::ALL.into_iter().enumerate() {
        let counted = match replies.get(index).and_then(Reply::as_int) {
            Some(counted) => counted,
            None => {
                let catalog = context.catalog().await?;
                let kept = repo::find(&*catalog, tenant, resource.as_str(), day).await?;
                let number = day_number(day);
                let seen =
                    context.state::<SeenUsage>().earlier_daily(context, tenant, resource, number);
                kept.unwrap_or(0).max(seen.map_or(0, |seen| seen.used))
            }
        };
        used.insert(resource, counted);
    }
    Ok(used)
}
