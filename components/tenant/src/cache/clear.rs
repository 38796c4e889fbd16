//! `DELETE /api/v1/cache`

use serde::Serialize;
use serde_json::json;
use tenancy::{
    Result, audit,
    cache::Cache,
    event::{Entry, Event, name},
};
use utoipa::ToSchema;
use web::{Member, Response};

/// The result of clearing the cache.
#[derive(Serialize, ToSchema)]
#[schema(as = ClearedCache)]
struct Cleared {
    /// The number of deleted entries.
    cleared: i64,
}

web::endpoint! {
    /// Deletes all cache entries of the tenant.
    ENDPOINT: DELETE "/api/v1/cache" => handler,
    access: Member(CacheWrite),
    operation_id: "clearCache",
    openapi: (
        tag = "Cache",
        responses((status = 200, description = "The cache is empty.", body = Cleared)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let (context, tenant) = (member.context(), member.tenant());
    let cleared = Cache::of(context, tenant)?.clear().await?;
    let event = Event::new(name::CACHE_CLEARED)
        .about("cache", tenant.id)
        .detail(json!({ "cleared": cleared }));
    audit::record_later(context, Entry::new(context, Some(tenant.id), &member.actor(), event));
    Ok(Response::ok(&Cleared { cleared }))
}
