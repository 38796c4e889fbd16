//! The usage of an earlier Redis process, carried over to the current one.

use std::sync::LazyLock;

use chrono::NaiveDate;
use platform::redis::{Argument, Reply, Script};
use uuid::Uuid;

use super::{
    counter::{Counter, KEPT},
    day::day_number,
    seen::{Seen, SeenUsage},
};
use crate::{context::Context, error::Result, lease, log, resource::DailyResource};

pub(super) static RAISE: LazyLock<Script> =
    LazyLock::new(|| Script::new([lease::RECORD, CARRY, include_str!("raise.lua")].concat()));

/// The functions that precede the scripts of counters, after [`lease::RECORD`].
pub(crate) const CARRY: &str = include_str!("carry.lua");

/// Carries the counters that this instance saw over to a process that is new to it, once. Without this, the next
/// process would lack the usage of an earlier process that only this instance saw.
pub(crate) async fn carry_over(context: &Context) {
    let seen_usage = context.state::<SeenUsage>();
    let Some(process) = context.platform.redis.process() else { return };
    if seen_usage.carried_to.replace(Some(process)) == Some(process) {
        return;
    }
    let day = context.platform.clock.now().date_naive();
    for (tenant, resource, seen) in seen_usage.earlier_days(process, day_number(day)) {
        if let Err(error) = carry(context, tenant, (resource, day), seen).await {
            seen_usage.carried_to.set(None);
            return log::warning(context, "Redis unavailable; carrying usage over later", &error);
        }
    }
}

/// Carries a counter that this instance saw in an earlier process over to the current one, and stores the result in
/// memory.
async fn carry(
    context: &Context,
    tenant: Uuid,
    (resource, day): (DailyResource, NaiveDate),
    seen: Seen,
) -> Result<()> {
    let before = context.platform.redis.process();
    let key = Counter::Tenant(resource).key(tenant, day);
    let arguments =
        [Argument::Bytes(seen.process.digits()), Argument::Int(seen.used), Argument::Int(KEPT)];
    let replies = RAISE.run(&*context.platform.redis, &[&key], &arguments).await?;
    let counter = replies.first().and_then(Reply::as_int).filter(|counter| *counter > 0);
    let process = context.platform.redis.process().filter(|process| before == Some(*process));
    if let (Some(used), Some(process)) = (counter, process) {
        let carried = Seen { process, used, ..seen };
        context.state::<SeenUsage>().daily(tenant, resource, carried);
    }
    Ok(())
}
