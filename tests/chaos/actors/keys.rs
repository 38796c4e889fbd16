//! Creates API keys, uses, rotates and revokes them.

use std::sync::Arc;

use serde_json::json;

use crate::{
    actors::{
        probes::probe,
        tenants::{self, INFO, text},
    },
    context::Context,
    ledger::{Credential, Kind, Tenant},
    random::Random,
    request::Request,
    violations::Promise,
};

/// Works with keys until the load ends.
pub fn run(context: &Context, mut random: Random) {
    while context.is_running() {
        let homes = context.ledger.homes();
        if let Some(tenant) = random.pick(&homes)
            && let Some(key) = create(context, &mut random, &tenant)
        {
            use_everywhere(context, &key);
            context.pause(&mut random, 0, 1_500);
            use_everywhere(context, &key);
            match random.below(6) {
                // The key stays valid.
                0 => {}
                1 => rotate(context, &mut random, &key),
                other => revoke(context, &mut random, &key, other == 2),
            }
            use_everywhere(context, &key);
        }
        context.pause(&mut random, 0, 400);
    }
}

/// Creates a key that reads the tenant.
pub fn create(
    context: &Context,
    random: &mut Random,
    tenant: &Arc<Tenant>,
) -> Option<Arc<Credential>> {
    let body = json!({ "name": "chaos", "scopes": ["tenant:read"] });
    let request = Request::post("/api/v1/api-keys", &body).credential(&tenant.key);
    let settled = context.settle(random, Promise::NothingLost, &request)?;
    // Some keys are never revoked, so in a long run a tenant reaches its maximum number of keys.
    let is_full = || settled.answer.json()["code"] == "too_many_api_keys";
    if settled.answer.status == 409 && is_full() {
        return None;
    }
    if settled.answer.status != 201 {
        tenants::violate(context, "the creation of an API key", &settled);
        return None;
    }
    let created = settled.answer.json();
    let id = text(&created["id"]);
    let key = Credential::new(Kind::ApiKey, &id, &text(&created["api_key"]), tenant, INFO);
    context.ledger.add_credential(&key);
    context.ledger.add_event(tenant, "api_key.created", &id);
    Some(key)
}

fn use_everywhere(context: &Context, key: &Arc<Credential>) {
    for host in 0..context.client.hosts() {
        probe(context, host, key);
    }
}

fn revoke(context: &Context, random: &mut Random, key: &Credential, by_operator: bool) {
    let tenant = &key.tenant;
    let request = if by_operator {
        let path = format!("/admin/tenants/{}/api-keys/{}", tenant.id, key.id);
        tenants::operator(context, Request::delete(path))
    } else {
        Request::delete(format!("/api/v1/api-keys/{}", key.id)).credential(&tenant.key)
    };
    key.standing.change();
    let Some(settled) = context.settle(random, Promise::Revocation, &request) else { return };
    let is_repeated = settled.attempts > 1 && settled.answer.status == 404;
    if !is_repeated && !matches!(settled.answer.status, 202 | 204) {
        tenants::violate(context, "the revocation of an API key", &settled);
        return;
    }
    key.standing.end("DELETE", &settled);
    context.ledger.add_event(tenant, "api_key.revoked", &key.id);
}

/// Rotates a key without overlap. A repetition rotates it again, so the old secret becomes invalid in any case.
fn rotate(context: &Context, random: &mut Random, key: &Credential) {
    let path = format!("/api/v1/api-keys/{}/rotate", key.id);
    let request = Request::post(path, &json!({})).credential(&key.tenant.key);
    key.standing.change();
    let Some(settled) = context.settle(random, Promise::Revocation, &request) else { return };
    if !matches!(settled.answer.status, 200 | 202) {
        tenants::violate(context, "the rotation of an API key", &settled);
        return;
    }
    key.standing.end("rotation without overlap", &settled);
    context.ledger.add_event(&key.tenant, "api_key.rotated", &key.id);
    let secret = text(&settled.answer.json()["api_key"]);
    let rotated = Credential::new(Kind::ApiKey, &key.id, &secret, &key.tenant, INFO);
    if settled.attempts > 1 {
        // An attempt without a response may still be executed and invalidate this secret.
        rotated.standing.change();
    }
    context.ledger.add_credential(&rotated);
}
