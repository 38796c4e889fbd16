//! Tries credentials, valid and ended ones, at every host.

use std::{sync::Arc, time::Instant};

use crate::{
    actors::tenants::INFO,
    client::{Sent, shown},
    context::Context,
    ledger::{Credential, Kind, State, Tenant},
    random::Random,
    request::Request,
    violations::Promise,
};
use serde_json::json;

/// The number of newest credentials that are tried most often.
const NEWEST: usize = 60;
/// The number of newest tenants that receive requests during their destruction.
const NEWEST_TENANTS: usize = 8;
/// Routes that need the database of the tenant.
const DATABASE_ROUTES: [&str; 3] = ["/api/v1/files", "/api/v1/users", "/api/v1/tenant/stats"];

/// Tries credentials until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        let credentials = context.ledger.credentials();
        let newest = &credentials[credentials.len().saturating_sub(NEWEST)..];
        let from = if random.one_in(3) { &credentials[..] } else { newest };
        if let Some(credential) = random.pick(from) {
            let host = context.host(&mut random);
            probe(context, host, &credential);
        }
        if random.one_in(2) {
            meet_destruction(context, &mut random);
        }
        context.pause(&mut random, 1, 25);
    }
}

/// Tries a credential at a host, and compares the response with the earlier acknowledgements.
pub fn probe(context: &Context, host: usize, credential: &Arc<Credential>) {
    let right = credential.standing.now();
    let tenant = credential.tenant.standing.now();
    let request = match credential.kind {
        Kind::ApiKey | Kind::AccessToken => {
            Request::get(credential.path).credential(&credential.secret)
        }
        // Using a valid refresh token would replace it.
        Kind::RefreshToken if !matches!(right.1, State::Ended(_)) => return,
        Kind::RefreshToken => {
            let body = json!({ "refresh_token": credential.secret });
            let slug = credential.tenant.slug.clone();
            Request::post("/api/v1/auth/refresh", &body).header("x-tenant-slug", slug)
        }
    };
    let sent = context.send(host, &request);
    let is_unchanged =
        credential.standing.now().0 == right.0 && credential.tenant.standing.now().0 == tenant.0;
    if sent.is_accepted() {
        if let State::Ended(end) = &right.1
            && end.refuses(sent.started)
        {
            credential.accepted_after(end, &sent);
        } else if let State::Ended(end) = &tenant.1
            && end.refuses(sent.started)
            && credential.tenant.standing.now().0 == tenant.0
        {
            credential.accepted_after(end, &sent);
        }
    } else if is_unchanged {
        let is_valid = matches!((&right.1, &tenant.1), (State::Valid, State::Valid));
        refused(context, credential, &sent, is_valid);
    }
}

/// Sends a request that needs the database of a tenant in destruction, or of a recently destroyed tenant.
fn meet_destruction(context: &Context, random: &mut Random) {
    let tenants = context.ledger.tenants();
    let newest = tenants[tenants.len().saturating_sub(NEWEST_TENANTS)..].iter();
    let in_destruction: Vec<_> =
        newest.filter(|tenant| tenant.is_in_destruction(Instant::now())).cloned().collect();
    let Some(tenant) = random.pick(&in_destruction) else { return };
    let standing = tenant.standing.now().1;
    let path = random.pick(&DATABASE_ROUTES).unwrap_or(INFO);
    let sent = context.send(context.host(random), &Request::get(path).credential(&tenant.key));
    if let State::Ended(end) = standing
        && end.refuses(sent.started)
        && sent.is_accepted()
    {
        let evidence = format!(
            "the first key of {}: {} (arrived at {}); accepted at host {} on {path} at {}",
            tenant.slug,
            end.how,
            context.timeline.at(end.acknowledged),
            sent.host,
            context.timeline.at(sent.started)
        );
        context.violate(Promise::Revocation, sent.ended, evidence);
    }
    failed_in_destruction(context, &tenant, &sent);
}

/// Compares a refusal with the earlier acknowledgements.
fn refused(context: &Context, credential: &Credential, sent: &Sent, is_valid: bool) {
    let Some(answer) = &sent.answer else { return };
    let tenant = &credential.tenant;
    // Tokens expire, and a credential for another path may lack the permission.
    let must_open = credential.kind == Kind::ApiKey && credential.path == INFO;
    if is_valid && must_open && !tenant.is_uncertain() && [401, 403, 404].contains(&answer.status) {
        let evidence = format!(
            "the valid API key {} of {} is refused at host {}, sent at {}: {}",
            credential.id,
            tenant.slug,
            sent.host,
            context.timeline.at(sent.started),
            shown(answer)
        );
        context.violate(Promise::NothingLost, sent.ended, evidence);
    }
    failed_in_destruction(context, tenant, sent);
}

/// Records a 5xx for a tenant in destruction while every store is up.
fn failed_in_destruction(context: &Context, tenant: &Tenant, sent: &Sent) {
    let Some(answer) = &sent.answer else { return };
    let is_calm = || context.timeline.is_calm(sent.started, sent.ended);
    if answer.status >= 500 && tenant.is_in_destruction(sent.started) && is_calm() {
        let evidence = format!(
            "a request for {} during or after its destruction, sent at {} with every store up: {}",
            tenant.slug,
            context.timeline.at(sent.started),
            shown(answer)
        );
        context.violate(Promise::Destruction, sent.ended, evidence);
    }
}
