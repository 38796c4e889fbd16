//! Quotas: exact limits on the resources of a tenant, also under concurrent requests.
//!
//! Redis counts the resources that are limited per UTC day, and PostgreSQL stores the counts; see [`checkpoint`]. If
//! Redis is unavailable, nothing is counted and no request is refused. Users and bytes of files are counted in the
//! tenant's own database.

pub(crate) mod checkpoint;
mod daily;
pub mod history;
mod meter;
pub mod repo;
mod resource;
pub(crate) mod seen;

pub(crate) use daily::current;
pub use daily::{Reported, consume, report};
pub use meter::{Limit, Meter};
pub use resource::{Amount, DailyResource, Resource};

use std::rc::Rc;

use chrono::NaiveDate;
use serde_json::json;

use crate::{
    audit::{self, Actor, Entry, Event, Severity},
    log,
    tenancy::Tenancy,
    tenant::Tenant,
};

/// The share of a limit, in percent, from which a tenant is warned.
pub const SOFT_LIMIT_PERCENT: i64 = 80;

/// Returns the number of days since 1970-01-01, which is part of the names of counters.
pub(crate) fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// Returns the day with a number.
pub(crate) fn day_of(number: i64) -> NaiveDate {
    NaiveDate::default() + chrono::TimeDelta::days(number)
}

/// Returns the lowest usage that is near a limit.
fn soft_limit(limit: i64) -> i64 {
    let share = i128::from(limit) * i128::from(SOFT_LIMIT_PERCENT);
    i64::try_from((share + 99) / 100).unwrap_or(i64::MAX)
}

/// Returns whether a usage is near a limit.
pub fn is_near(usage: i64, limit: i64) -> bool {
    usage >= soft_limit(limit)
}

/// Returns whether the usage was not near the limit before a step and is near it after the step.
pub(crate) fn comes_near((before, after): (i64, i64), limit: i64) -> bool {
    !is_near(before, limit) && is_near(after, limit)
}

/// Records that a usage has come near its limit, if this step caused it.
pub(crate) fn note_soft_limit(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: Resource,
    step: (i64, i64),
    limit: i64,
    actor: &Actor,
) {
    if !comes_near(step, limit) {
        return;
    }
    let event = Event::new("quota.soft_limit_reached")
        .severity(Severity::Warning)
        .about("quota", resource.as_str())
        .detail(json!({ "limit": limit, "usage": step.1, "percent": SOFT_LIMIT_PERCENT }));
    audit::note_later(tenancy, Entry::new(tenancy, Some(tenant.id), actor, event));
}

/// Records that a quota has refused a request. It records rarely, because refused callers try again.
pub(crate) fn note_refusal(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: Resource,
    (usage, limit): (i64, i64),
    actor: &Actor,
) {
    let event = Event::new("quota.refused")
        .severity(Severity::Warning)
        .failed()
        .about("quota", resource.as_str())
        .detail(json!({ "limit": limit, "usage": usage }));
    let entry = Entry::new(tenancy, Some(tenant.id), actor, event);
    audit::note_rarely(tenancy, entry, resource.as_str());
}

/// Stores a tenant's peak usage of today for the history, after the response is sent.
pub(crate) fn keep_peak_later(
    tenancy: &Rc<Tenancy>,
    tenant: &Tenant,
    resource: Resource,
    amount: i64,
) {
    let (tenancy, tenant) = (Rc::clone(tenancy), tenant.id);
    let executor = Rc::clone(&tenancy.platform.executor);
    executor.spawn(Box::pin(async move {
        let day = tenancy.platform.clock.now().date_naive();
        let kept = async {
            let catalog = tenancy.catalog().await?;
            repo::keep_peak(&*catalog, tenant, resource, day, amount).await
        };
        if let Err(error) = kept.await {
            log::warning(&tenancy, "the peak usage of the day was not stored", &error);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_near_from_80_percent() {
        for (usage, limit, expected) in
            [(3, 5, false), (4, 5, true), (7, 9, false), (8, 9, true), (0, 1, false), (0, 0, true)]
        {
            assert_eq!(is_near(usage, limit), expected, "{usage} of {limit}");
        }
        assert!(!is_near(1, i64::MAX));
    }

    #[test]
    fn day_numbers_start_at_the_epoch() {
        let day = NaiveDate::from_ymd_opt(2026, 11, 24).unwrap();
        assert_eq!(day_number(day), 20_781);
        assert_eq!(day_of(20_781), day);
    }
}
