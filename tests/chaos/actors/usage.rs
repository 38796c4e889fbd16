//! Reports usage, and changes the limit of the tenant now and then.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::json;

use crate::{
    actors::tenants::{self, text},
    client::shown,
    context::Context,
    ledger::Tenant,
    random::Random,
    request::Request,
    violations::Promise,
};

/// A limit that is never reached.
pub const PLENTY: i64 = 1_000_000_000;

/// Reports usage until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        let homes = context.ledger.homes();
        if let Some(tenant) = random.pick(&homes) {
            report(context, &mut random, &tenant);
            // Only one actor at a time changes the limits of a tenant.
            let is_own = tenant.usage.try_own();
            if is_own {
                if random.one_in(12) {
                    change_limit(context, &mut random, &tenant);
                }
                tenant.usage.disown();
            }
        }
        context.pause(&mut random, 5, 120);
    }
}

fn report(context: &Context, random: &mut Random, tenant: &Arc<Tenant>) {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let amount = 1 + i64::try_from(random.below(20)).unwrap_or(0);
    let key = format!("report-{}", LAST.fetch_add(1, Ordering::Relaxed));
    let body = json!({ "resource_type": "ai_requests", "amount": amount, "idempotency_key": key });
    let request = Request::post("/api/v1/tenant/usage", &body).credential(&tenant.key);
    let before = tenant.usage.attempt(amount);
    let Some(settled) = context.settle(random, Promise::Usage, &request) else { return };
    match settled.answer.status {
        200 => {}
        429 => return,
        _ => return tenants::violate(context, "a report of usage", &settled),
    }
    let answer = settled.answer.json();
    let usage = answer["current_usage"].as_i64().unwrap_or(-1);
    tenant.usage.acknowledge(&text(&answer["day"]), amount);
    let limit = tenant.usage.highest_limit(settled.first_started);
    // At midnight the usage restarts at 0.
    let is_one_day = tenant.usage.acknowledged().len() == 1;
    let problem = if is_one_day && usage < before + amount {
        Some(format!("{before} were acknowledged before it began"))
    } else if usage > tenant.usage.attempted() {
        Some(format!("all reports together are {}", tenant.usage.attempted()))
    } else {
        limit.filter(|limit| usage > *limit).map(|limit| format!("the limit is {limit}"))
    };
    if let Some(problem) = problem {
        let evidence = format!(
            "{} of {}, sent first at {}: amount {amount}, but {problem}: {}",
            key,
            tenant.slug,
            context.timeline.at(settled.first_started),
            shown(&settled.answer)
        );
        context.violate(Promise::Usage, settled.sent.ended, evidence);
    }
}

/// Sets a limit that the next reports reach, and removes it again.
fn change_limit(context: &Context, random: &mut Random, tenant: &Tenant) {
    let low = tenant.usage.attempted() + 20 + i64::try_from(random.below(100)).unwrap_or(0);
    for limit in [low, PLENTY] {
        let number = tenant.usage.begin_limit(limit);
        let limits = json!({ "ai_requests": limit });
        let Some(settled) = tenants::limit(context, random, tenant, &limits) else { return };
        if settled.answer.status == 200 && settled.attempts == 1 {
            tenant.usage.acknowledge_limit(number, settled.sent.ended);
        }
        context.pause(random, 500, 2_000);
    }
}
