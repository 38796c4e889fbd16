//! Quotas: how much of a resource a tenant may use in a day of UTC, exactly, however many ask at
//! once.
//!
//! Redis counts; PostgreSQL keeps. A checkpoint writes the absolute number and never a lower one, so
//! repeating it is harmless, and a Redis that was lost goes on from the last checkpoint. While Redis
//! is away nothing is counted, and nobody is refused.

pub mod repo;

use std::{rc::Rc, sync::LazyLock};

use chrono::{NaiveDate, NaiveTime, TimeDelta};

use crate::{
    error::{Error, Result},
    http::fields::Text,
    log,
    platform::redis::{Argument, RedisError, Reply, Script},
    tenancy::Tenancy,
    tenant::Tenant,
};

static CONSUME: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("consume.lua")));

/// Seconds for which the counter of a day is kept.
const KEPT: i64 = 3 * 24 * 60 * 60;

/// What is counted by the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DailyResource {
    /// Calls of the API.
    ApiCalls,
    /// AI requests.
    AiRequests,
}

impl DailyResource {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiCalls => "api_calls",
            Self::AiRequests => "ai_requests",
        }
    }

    fn limit(self, tenant: &Tenant) -> i64 {
        match self {
            Self::ApiCalls => tenant.limits.api_calls,
            Self::AiRequests => tenant.limits.ai_requests,
        }
    }
}

/// So much of a resource, written `ai_requests:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The resource.
    pub resource: DailyResource,
    /// How much: 1 to 1,000.
    pub amount: i64,
}

impl Text for Amount {
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let invalid = || "must be api_calls or ai_requests, a colon, and 1 to 1000".to_owned();
        let (name, amount) = text.split_once(':').ok_or_else(invalid)?;
        let resource = [DailyResource::ApiCalls, DailyResource::AiRequests]
            .into_iter()
            .find(|resource| resource.as_str() == name)
            .ok_or_else(invalid)?;
        match amount.parse() {
            Ok(amount @ 1..=1_000) => Ok(Self { resource, amount }),
            _ => Err(invalid()),
        }
    }
}

/// Takes an amount from the tenant's quota of today.
///
/// # Errors
/// [`Error::QuotaExceeded`] when not all of it is left; then nothing was taken.
pub async fn consume(tenancy: &Rc<Tenancy>, tenant: &Tenant, take: Amount) -> Result<()> {
    let now = tenancy.platform.clock.now();
    let day = now.date_naive();
    let limit = take.resource.limit(tenant);
    let mut kept = String::new();
    // The second turn has what PostgreSQL keeps.
    for _ in 0..2 {
        match ask(tenancy, tenant, take, limit, day, &kept).await {
            Ok((-1, ..)) => {
                let catalog = tenancy.catalog().await?;
                let used = repo::find(&*catalog, tenant.id, take.resource.as_str(), day).await?;
                kept = used.unwrap_or(0).to_string();
            }
            Ok((0, usage, _)) => {
                let midnight = (day + TimeDelta::days(1)).and_time(NaiveTime::MIN).and_utc();
                let retry_after = u32::try_from((midnight - now).num_seconds()).unwrap_or(1).max(1);
                let resource = take.resource.as_str();
                return Err(Error::QuotaExceeded { resource, limit, usage, retry_after });
            }
            Ok((_, usage, is_due)) => {
                if is_due {
                    keep_later(tenancy, tenant, take.resource, day, usage);
                }
                return Ok(());
            }
            Err(error) => {
                log::warning(tenancy, "a use was not counted", &error.into());
                return Ok(());
            }
        }
    }
    Err(Error::unavailable("Redis forgets what it was told"))
}

async fn ask(
    tenancy: &Tenancy,
    tenant: &Tenant,
    take: Amount,
    limit: i64,
    day: NaiveDate,
    kept: &str,
) -> Result<(i64, i64, bool), RedisError> {
    let counter = format!("t:{{{}}}:usage:{}:{day}", tenant.id, take.resource.as_str());
    let checkpoint = format!("{counter}:checkpoint");
    let keys = [counter.as_str(), checkpoint.as_str()];
    let arguments = [
        Argument::Int(take.amount),
        Argument::Int(limit),
        Argument::from(kept),
        Argument::Int(KEPT),
    ];
    // Not tried again where it is unclear whether it was counted: the counter would be off.
    let replies = CONSUME.run(&*tenancy.platform.redis, &keys, &arguments).await?;
    let int = |index: usize| replies.get(index).and_then(Reply::as_int).unwrap_or(0);
    Ok((int(0), int(1), int(2) == 1))
}

fn keep_later(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: DailyResource,
    day: NaiveDate,
    usage: i64,
) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.id);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let kept = async {
            let catalog = tenancy.catalog().await?;
            repo::keep(&*catalog, tenant, resource.as_str(), day, usage).await
        };
        if let Err(error) = kept.await {
            log::warning(&tenancy, "a checkpoint was not written", &error);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_resource_and_a_number() {
        let one = Amount { resource: DailyResource::AiRequests, amount: 1 };
        assert_eq!(Amount::parse("ai_requests:1"), Ok(one));
        for text in ["", "ai_requests", "ai_requests:0", "ai_requests:-1", "storage:1", "users:x"] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
    }
}
