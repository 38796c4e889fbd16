//! The operations of the operator on a tenant.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

use crate::{
    client::shown,
    context::{Context, Settled},
    faults::Targets,
    ledger::{Credential, Kind, Tenant},
    random::Random,
    request::Request,
    violations::Promise,
};

/// The route that returns the tenant to its members.
pub const INFO: &str = "/api/v1/tenant/info";

/// Creates a tenant, and repeats the request until it is created.
pub fn create(context: &Context, random: &mut Random, stem: &str) -> Option<Arc<Tenant>> {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let slug = format!("{stem}-{}", LAST.fetch_add(1, Ordering::Relaxed));
    let body = json!({ "name": format!("Chaos {slug}"), "slug": slug, "plan": "chaos",
                       "admin_password": "the password of the first administrator",
        "admin_email": format!("admin@{slug}.example") });
    let request = operator(context, Request::post("/admin/tenants", &body))
        .header("idempotency-key", format!("create-{slug}"));
    let settled = Targets::during(&context.targets.creations, || {
        context.settle(random, Promise::NothingLost, &request)
    })?;
    if settled.answer.status != 201 {
        violate(context, "the creation of a tenant", &settled);
        return None;
    }
    let created = settled.answer.json();
    let (id, key) = (text(&created["id"]), text(&created["api_key"]));
    let tenant = Arc::new(Tenant::new(&id, &slug, &key));
    context.ledger.add_tenant(&tenant);
    context.ledger.add_event(&tenant, "tenant.created", &id);
    context.ledger.add_credential(&Credential::new(
        Kind::ApiKey,
        &format!("first of {slug}"),
        &key,
        &tenant,
        INFO,
    ));
    Some(tenant)
}

/// Suspends a tenant. Returns whether the change is certain, so that the tenant can be activated again.
pub fn suspend(context: &Context, random: &mut Random, tenant: &Tenant) -> bool {
    let body = json!({ "status": "suspended" });
    let request = operator(context, Request::patch(path(tenant), &body));
    tenant.standing.change();
    let Some(settled) = context.settle(random, Promise::Revocation, &request) else {
        return false;
    };
    if !matches!(settled.answer.status, 200 | 202) {
        violate(context, "the suspension of a tenant", &settled);
        return false;
    }
    context.ledger.add_event(tenant, "tenant.suspended", &tenant.id);
    tenant.standing.end("PATCH suspended", &settled);
    is_certain(tenant, &settled)
}

/// Activates a suspended tenant. Returns whether the change is certain.
pub fn activate(context: &Context, random: &mut Random, tenant: &Tenant) -> bool {
    let request = operator(context, Request::patch(path(tenant), &json!({ "status": "active" })));
    tenant.standing.change();
    let Some(settled) = context.settle(random, Promise::NothingLost, &request) else {
        return false;
    };
    match settled.answer.status {
        200 => tenant.standing.is_valid_again(),
        // The tenant becomes active a little later.
        202 => return false,
        _ => {
            violate(context, "the activation of a tenant", &settled);
            return false;
        }
    }
    context.ledger.add_event(tenant, "tenant.activated", &tenant.id);
    is_certain(tenant, &settled)
}

/// Deletes a tenant, and keeps its data.
pub fn delete(context: &Context, random: &mut Random, tenant: &Tenant) {
    let request = operator(context, Request::delete(path(tenant)));
    tenant.standing.begin_end();
    let Some(settled) = context.settle(random, Promise::Revocation, &request) else { return };
    // A repetition may find that the tenant is already deleted.
    let is_repeated = settled.attempts > 1 && matches!(settled.answer.status, 404 | 409 | 410);
    if !is_repeated && !matches!(settled.answer.status, 202 | 204) {
        violate(context, "the deletion of a tenant", &settled);
        return;
    }
    context.ledger.add_event(tenant, "tenant.deleted", &tenant.id);
    tenant.standing.end("DELETE", &settled);
}

/// Destroys a tenant, and repeats the request until the destruction is complete.
pub fn destroy(context: &Context, random: &mut Random, tenant: &Tenant) {
    let request = operator(context, Request::delete(format!("{}?hard_delete=true", path(tenant))));
    tenant.standing.begin_end();
    tenant.begin_destruction();
    let settled = Targets::during(&context.targets.destructions, || {
        context.settle(random, Promise::Destruction, &request)
    });
    let Some(settled) = settled else { return };
    let is_repeated = settled.attempts > 1 && settled.answer.status == 404;
    if !is_repeated && !matches!(settled.answer.status, 202 | 204) {
        context.violate(
            Promise::Destruction,
            settled.sent.ended,
            format!("the hard delete of {}: {}", tenant.slug, shown(&settled.answer)),
        );
        return;
    }
    tenant.set_destroyed();
    context.ledger.add_event(tenant, "tenant.destroyed", &tenant.id);
    tenant.standing.end("DELETE ?hard_delete=true", &settled);
}

/// Changes limits of a tenant. Returns `None` if the change is not acknowledged.
pub fn limit(
    context: &Context,
    random: &mut Random,
    tenant: &Tenant,
    limits: &Value,
) -> Option<Settled> {
    let request = operator(context, Request::patch(path(tenant), &json!({ "limits": limits })));
    let settled = context.settle(random, Promise::Usage, &request)?;
    if matches!(settled.answer.status, 200 | 202) {
        context.ledger.add_event(tenant, "tenant.updated", &tenant.id);
        return Some(settled);
    }
    violate(context, "the change of a limit", &settled);
    None
}

/// Adds the credential of the operator to a request.
pub fn operator(context: &Context, request: Request) -> Request {
    request.credential(&context.client.admin_key)
}

/// Returns the text of a JSON string, or an empty string for other values.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Records that an operation was rejected without a reason.
pub fn violate(context: &Context, operation: &str, settled: &Settled) {
    let evidence = format!(
        "{operation}: {} after {} attempts since {}",
        shown(&settled.answer),
        settled.attempts,
        context.timeline.at(settled.first_started)
    );
    context.violate(Promise::NothingLost, settled.sent.ended, evidence);
}

fn path(tenant: &Tenant) -> String {
    format!("/admin/tenants/{}", tenant.id)
}

/// Returns whether the change is certain. An attempt without a response may be executed after the next change.
fn is_certain(tenant: &Tenant, settled: &Settled) -> bool {
    let is_certain = settled.attempts == 1 && settled.answer.status == 200;
    if !is_certain {
        tenant.set_uncertain();
    }
    is_certain
}
