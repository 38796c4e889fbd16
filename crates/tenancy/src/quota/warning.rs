//! The events of a usage that reaches its limit, or comes near it.

use std::rc::Rc;

use serde_json::json;

use crate::{
    audit,
    context::Context,
    event::{Actor, Entry, Event, Severity, name},
    resource::Resource,
    tenant::Tenant,
};

/// The share of a limit, in percent, from which a tenant is warned.
pub const SOFT_LIMIT_PERCENT: i64 = 80;

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
pub fn comes_near((before, after): (i64, i64), limit: i64) -> bool {
    !is_near(before, limit) && is_near(after, limit)
}

/// Records that a usage has come near its limit, if this step caused it.
pub fn record_soft_limit(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: Resource,
    step: (i64, i64),
    limit: i64,
    actor: &Actor,
) {
    if !comes_near(step, limit) {
        return;
    }
    let event = Event::new(name::QUOTA_SOFT_LIMIT_REACHED)
        .severity(Severity::Warning)
        .about("quota", resource.as_str())
        .detail(json!({ "limit": limit, "usage": step.1, "percent": SOFT_LIMIT_PERCENT }));
    audit::record_later(context, Entry::new(context, Some(tenant.id), actor, event));
}

/// Records that a quota has refused a request. It records rarely, because refused callers try again.
pub fn record_refusal(
    context: &Rc<Context>,
    tenant: &Tenant,
    resource: Resource,
    (usage, limit): (i64, i64),
    actor: &Actor,
) {
    let event = Event::new(name::QUOTA_REFUSED)
        .severity(Severity::Warning)
        .failed()
        .about("quota", resource.as_str())
        .detail(json!({ "limit": limit, "usage": usage }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    audit::record_rarely(context, entry, resource.as_str());
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
}
