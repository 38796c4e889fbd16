//! Calls a tenant with a small daily call limit, and continues after the limit is reached.

use std::sync::Arc;

use serde_json::json;

use crate::{
    actors::tenants::{self, INFO},
    context::Context,
    ledger::CallLimit,
    random::Random,
    request::Request,
};

/// The number of calls that are sent for each call that the limit allows.
const MORE: usize = 2;

/// Calls such tenants, one after another, until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        use_up(context, &mut random);
        context.pause(&mut random, 0, 500);
    }
}

fn use_up(context: &Context, random: &mut Random) {
    let Some(tenant) = tenants::create(context, random, "calls") else { return };
    let limit = 150 + random.index(250);
    let limits = json!({ "api_calls": limit });
    let Some(settled) = tenants::limit(context, random, &tenant, &limits) else { return };
    if settled.answer.status != 200 {
        return;
    }
    let calls = Arc::new(CallLimit::new(&tenant, limit));
    context.ledger.add_calls(&calls);
    let request = Request::get(INFO).credential(&tenant.key);
    for _ in 0..limit * MORE {
        if !context.is_running() {
            return;
        }
        let sent = context.send(context.host(random), &request);
        // A call without the header was not counted, because Redis was unavailable.
        let is_counted = |answer: &e2e::Answer| answer.header("ratelimit").contains("\"day\"");
        if sent.is_accepted() && sent.answer.as_ref().is_some_and(is_counted) {
            calls.count(sent.ended);
        }
        if sent.status() == 429 {
            context.pause(random, 50, 150);
        } else {
            context.pause(random, 0, 30);
        }
    }
}
