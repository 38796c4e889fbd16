//! Taking from what may be used in a day.

use std::{collections::HashMap, rc::Rc, sync::LazyLock};

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    DailyResource, day_number, note_soft_limit,
    repo::{self, Report},
};
use crate::{
    audit::Actor,
    error::{Error, Result},
    hex, log,
    platform::redis::{Argument, RedisError, Reply, Script},
    tenancy::Tenancy,
    tenant::Tenant,
};

static CONSUME: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("consume.lua")));

/// Seconds for which the counter of a day is kept.
pub(crate) const KEPT: i64 = 3 * 24 * 60 * 60;
/// Seconds for which a report is remembered.
const REPORT_KEPT: i64 = 24 * 60 * 60;

/// The counter of a resource on a day; the admission script spells it, too.
pub(crate) fn counter_key(tenant: Uuid, resource: DailyResource, day: NaiveDate) -> String {
    format!("t:{{{tenant}}}:usage:{}:{}", resource.as_str(), day_number(day))
}

/// What came of asking Redis.
enum Taken {
    Yes { usage: i64 },
    Before { usage: i64 },
    OverLimit { usage: i64 },
}

/// So much of a resource, from the quota of a day.
struct Take<'a> {
    tenancy: &'a Tenancy,
    tenant: &'a Tenant,
    resource: DailyResource,
    amount: i64,
    day: NaiveDate,
    /// What makes it count once, however often it is asked for.
    report: Option<&'a str>,
}

impl Take<'_> {
    fn limit(&self) -> i64 {
        self.resource.resource().limit(&self.tenant.limits)
    }

    async fn run(&self) -> Result<Taken> {
        let mut kept = String::new();
        // The second turn has what PostgreSQL keeps.
        for _ in 0..2 {
            match self.ask(&kept).await? {
                (-1, _) => {
                    let catalog = self.tenancy.catalog().await?;
                    let (tenant, resource) = (self.tenant.id, self.resource.as_str());
                    let used = repo::find(&*catalog, tenant, resource, self.day).await?;
                    kept = used.unwrap_or(0).to_string();
                }
                (0, usage) => return Ok(Taken::OverLimit { usage }),
                (2, usage) => return Ok(Taken::Before { usage }),
                (_, usage) => return Ok(Taken::Yes { usage }),
            }
        }
        Err(Error::unavailable("Redis forgets what it was told"))
    }

    async fn ask(&self, kept: &str) -> Result<(i64, i64), RedisError> {
        let mut keys = vec![counter_key(self.tenant.id, self.resource, self.day)];
        if let Some(report) = self.report {
            let digest = hex::encode(&Sha256::digest(report.as_bytes()));
            keys.push(format!("t:{{{}}}:report:{digest}", self.tenant.id));
        }
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let arguments = [
            Argument::Int(self.amount),
            Argument::Int(self.limit()),
            Argument::from(kept),
            Argument::Int(KEPT),
            Argument::Int(REPORT_KEPT),
        ];
        let redis = &*self.tenancy.platform.redis;
        let replies = match CONSUME.run(redis, &keys, &arguments).await {
            // Asking again counts once: the report says so.
            Err(RedisError::Unavailable(_)) if self.report.is_some() => {
                CONSUME.run(redis, &keys, &arguments).await?
            }
            answer => answer?,
        };
        let int = |index: usize| replies.get(index).and_then(Reply::as_int).unwrap_or(0);
        Ok((int(0), int(1)))
    }

    fn refused(&self, usage: i64) -> Error {
        let now = self.tenancy.platform.clock.now();
        let midnight = (self.day + TimeDelta::days(1)).and_time(NaiveTime::MIN).and_utc();
        let seconds = u32::try_from((midnight - now).num_seconds()).unwrap_or(1).max(1);
        let resource = self.resource.resource();
        self.tenancy.counters.quota_refused(resource);
        Error::QuotaExceeded { resource, limit: self.limit(), usage, retry_after: Some(seconds) }
    }
}

/// Takes an amount from the tenant's quota of today, and returns how much is used then; `None` while
/// Redis is away.
///
/// # Errors
/// [`Error::QuotaExceeded`] when not all of it is left; then nothing was taken.
pub async fn consume(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: DailyResource,
    amount: i64,
    actor: &Actor,
) -> Result<Option<i64>> {
    let day = tenancy.platform.clock.now().date_naive();
    let take = Take { tenancy, tenant, resource, amount, day, report: None };
    match take.run().await {
        Ok(Taken::Yes { usage } | Taken::Before { usage }) => {
            super::checkpoint::note(tenancy, tenant.id, resource, day, usage);
            let step = (usage - amount, usage);
            note_soft_limit(tenancy, tenant, resource.resource(), step, take.limit(), actor);
            Ok(Some(usage))
        }
        Ok(Taken::OverLimit { usage }) => Err(take.refused(usage)),
        // Not tried again where it is unclear whether it was counted: the counter would be off.
        Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => {
            log::warning(tenancy, "a use was not counted", &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What came of a report.
pub struct Reported {
    /// The day that it counts on.
    pub day: NaiveDate,
    /// How much was used of that day's quota then.
    pub usage: i64,
    /// Whether it was counted before, and this is the answer of then.
    pub is_replay: bool,
}

/// Counts a use that a service reports, once for each `key`, however often it is reported.
///
/// Under a crash: the catalog notes the report, Redis claims and counts it in one step, and the
/// catalog keeps what Redis then has. A report that broke off is counted by its repetition: Redis
/// knows whether it has counted it, and the catalog keeps count and report in one statement, so that
/// a Redis that is lost after the answer counts nothing twice. What is not covered is a crash between
/// the last two steps, a checkpoint of the same counter after it, and the loss of Redis before the
/// repetition: all three, and the repetition counts the amount once more.
///
/// # Errors
/// [`Error::QuotaExceeded`], [`Error::IdempotencyKeyReused`], and [`Error::Unavailable`] while a store
/// is away: repeating it is safe.
pub async fn report(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: DailyResource,
    amount: i64,
    key: &str,
    actor: &Actor,
) -> Result<Reported> {
    let catalog = tenancy.catalog().await?;
    let today = tenancy.platform.clock.now().date_naive();
    let new = Report { resource, amount, day: today, usage: None };
    let report = repo::claim(&*catalog, tenant.id, key, &new).await?;
    if (report.resource, report.amount) != (resource, amount) {
        return Err(Error::IdempotencyKeyReused);
    }
    let day = report.day;
    if let Some(usage) = report.usage {
        return Ok(Reported { day, usage, is_replay: true });
    }
    let take = Take { tenancy, tenant, resource, amount, day, report: Some(key) };
    let usage = match take.run().await? {
        Taken::Yes { usage } | Taken::Before { usage } => usage,
        Taken::OverLimit { usage } => {
            repo::withdraw(&*catalog, tenant.id, key).await?;
            return Err(take.refused(usage));
        }
    };
    repo::settle(&*catalog, tenant.id, key, &Report { usage: Some(usage), ..report }).await?;
    let step = (usage - amount, usage);
    note_soft_limit(tenancy, tenant, resource.resource(), step, take.limit(), actor);
    Ok(Reported { day, usage, is_replay: false })
}

/// How much of each daily resource is used today: what Redis counts, or what the catalog keeps where
/// Redis does not know.
pub(crate) async fn current(
    tenancy: &Tenancy,
    tenant: Uuid,
    day: NaiveDate,
) -> Result<HashMap<DailyResource, i64>> {
    let keys = DailyResource::ALL.map(|resource| counter_key(tenant, resource, day));
    let arguments: Vec<Argument<'_>> = keys.iter().map(Argument::from).collect();
    let replies = match tenancy.platform.redis.execute("MGET", &arguments).await {
        Ok(replies) => replies,
        Err(error) => {
            log::warning(tenancy, "the counters were not read", &error.into());
            Vec::new()
        }
    };
    let mut used = HashMap::new();
    for (index, resource) in DailyResource::ALL.into_iter().enumerate() {
        let counted = match replies.get(index).and_then(Reply::as_int) {
            Some(counted) => counted,
            None => {
                let catalog = tenancy.catalog().await?;
                repo::find(&*catalog, tenant, resource.as_str(), day).await?.unwrap_or(0)
            }
        };
        used.insert(resource, counted);
    }
    Ok(used)
}
