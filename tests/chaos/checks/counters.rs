//! Usage and calls at the end.

use std::time::Instant;

use super::End;
use crate::{
    actors::tenants::text, client::shown, ledger::Faults, random::Random, request::Request,
    timeline::Effect, violations::Promise,
};

/// Checks that the usage of each tenant lies between the acknowledged reports and all reports.
pub fn usage_is_exact(end: &End<'_>, random: &mut Random) {
    let context = end.context;
    for tenant in context.ledger.homes() {
        let acknowledged = tenant.usage.acknowledged();
        let (Some(first), Some(last)) =
            (acknowledged.keys().next(), acknowledged.keys().next_back())
        else {
            continue;
        };
        let path = format!(
            "/api/v1/tenant/usage/history?resource_type=ai_requests&from={first}&to={last}"
        );
        let request = Request::get(path).credential(&tenant.key);
        let Some(settled) = context.settle(random, Promise::Usage, &request) else { continue };
        let violate = |problem: String| {
            let evidence = format!("{}: {problem}: {}", tenant.slug, shown(&settled.answer));
            context.violate(Promise::Usage, Instant::now(), evidence);
        };
        if settled.answer.status != 200 {
            violate("the history of usage cannot be read".to_owned());
            continue;
        }
        let history = settled.answer.json();
        let mut sum = 0;
        for (day, amount) in &acknowledged {
            let of_day = history["items"].as_array().into_iter().flatten();
            let of_day = of_day.filter(|item| text(&item["period"]) == *day);
            let used: i64 = of_day.filter_map(|item| item["amount"].as_i64()).sum();
            sum += used;
            if used < *amount {
                violate(format!("{amount} were acknowledged on {day}, {used} are in the history"));
            }
        }
        if sum > tenant.usage.attempted() {
            let attempted = tenant.usage.attempted();
            violate(format!("all reports together are {attempted}, {sum} are in the history"));
        }
        let request = Request::get("/api/v1/tenant/usage?resource_type=ai_requests");
        let request = request.credential(&tenant.key);
        let Some(settled) = context.settle(random, Promise::Usage, &request) else { continue };
        let used = match settled.answer.status {
            200 => settled.answer.json()["current_usage"].as_i64().unwrap_or(-1),
            _ => -1,
        };
        // If midnight did not pass during the run, all usage is from today.
        let expected: i64 = acknowledged.values().sum();
        if acknowledged.len() == 1 && !(expected..=tenant.usage.attempted()).contains(&used) {
            let evidence = format!(
                "{}: {expected} were acknowledged of {}, current_usage is {used}",
                tenant.slug,
                tenant.usage.attempted()
            );
            context.violate(Promise::Usage, Instant::now(), evidence);
        }
    }
}

/// Checks that no tenant had more counted calls than its limit allows.
pub fn calls_are_within_limits(end: &End<'_>) {
    let context = end.context;
    let timeline = &context.timeline;
    let mut outages = timeline.intervals(Effect::PostgresKilled);
    outages.extend(timeline.intervals(Effect::Paused));
    outages.sort();
    let kills = timeline.intervals(Effect::RedisKilled);
    let faults = Faults::new(kills, &timeline.times(Effect::HostKilled), &outages);
    for calls in context.ledger.calls() {
        let (counted, allowance) = (calls.counted(), calls.allowance(&faults));
        if counted > calls.limit + allowance {
            let evidence = format!(
                "{}: {counted} counted calls were accepted, the limit is {} and crashes excuse {allowance}",
                calls.tenant.slug, calls.limit
            );
            context.violate(Promise::DailyCalls, Instant::now(), evidence);
        }
    }
}
