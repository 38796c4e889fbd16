//! Checks that every acknowledged fact exists at the end, and that every ended right is rejected.

use std::time::Instant;

use super::End;
use crate::{
    actors::{probes::probe, tenants},
    client::shown,
    context::Context,
    ledger::{Content, Kind, State},
    random::Random,
    request::Request,
    violations::Promise,
};

/// Checks that after the repair every host rejects every ended right, regardless of the promise in the response.
pub fn ended_rights_are_refused(end: &End<'_>) {
    let context = end.context;
    for credential in context.ledger.credentials() {
        let repaired = Instant::now();
        credential.standing.take_effect(repaired);
        credential.tenant.standing.take_effect(repaired);
        for host in 0..context.client.hosts() {
            probe(context, host, &credential);
        }
    }
    for credential in context.ledger.credentials() {
        if let Some(evidence) = credential.violation(&context.timeline) {
            context.violations.record(Promise::Revocation, evidence);
        }
    }
}

/// Checks that every acknowledged tenant, user and file exists. Another check has tried the keys.
pub fn facts_exist(end: &End<'_>, random: &mut Random) {
    let context = end.context;
    for tenant in context.ledger.tenants() {
        let path = format!("/admin/tenants/{}", tenant.id);
        let request = tenants::operator(context, Request::get(path));
        let Some(settled) = context.settle(random, Promise::NothingLost, &request) else {
            continue;
        };
        let expected = if tenant.is_destroyed() { 404 } else { 200 };
        if settled.answer.status != expected {
            let evidence = format!("the tenant {}: {}", tenant.slug, shown(&settled.answer));
            lost(context, evidence);
        }
    }
    for user in context.ledger.users() {
        let request = Request::get(format!("/api/v1/users/{}", user.id));
        let request = request.credential(&user.tenant.key);
        let settled = context.settle(random, Promise::NothingLost, &request);
        if let Some(settled) = settled.filter(|settled| settled.answer.status != 200) {
            let evidence =
                format!("the user {} of {}: {}", user.id, user.tenant.slug, shown(&settled.answer));
            lost(context, evidence);
        }
    }
    for file in context.ledger.files() {
        let exists = matches!(file.content(), Content::Bytes(..) | Content::Deleted);
        if exists && matches!(file.tenant.standing.now().1, State::Valid) {
            crate::actors::read_file(context, &file);
        }
    }
    let keys = context.ledger.credentials();
    let keys = keys.iter().filter(|key| key.kind == Kind::ApiKey);
    for key in keys.filter(|key| matches!(key.standing.now().1, State::Valid)) {
        let is_active = matches!(key.tenant.standing.now().1, State::Valid);
        if !is_active || context.ledger.calls().iter().any(|calls| calls.tenant.id == key.tenant.id)
        {
            continue;
        }
        let request = Request::get(key.path).credential(&key.secret);
        let settled = context.settle(random, Promise::NothingLost, &request);
        if let Some(settled) = settled.filter(|settled| settled.answer.status != 200) {
            let evidence = format!(
                "the API key {} of {}: {}",
                key.id,
                key.tenant.slug,
                shown(&settled.answer)
            );
            lost(context, evidence);
        }
    }
}

fn lost(context: &Context, evidence: String) {
    context.violate(Promise::NothingLost, Instant::now(), evidence);
}
