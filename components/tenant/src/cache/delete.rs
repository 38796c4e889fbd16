//! `DELETE /api/v1/cache/{key}`

use http::StatusCode;
use tenancy::{Error, Result, cache::Cache};
use web::{Member, Response};

web::endpoint! {
    /// Deletes a cache entry.
    ENDPOINT: DELETE "/api/v1/cache/{*key}" => handler,
    access: Member(CacheWrite),
    operation_id: "deleteCacheEntry",
    problems: [(404, &["cache_entry_not_found"])],
    openapi: (
        tag = "Cache",
        params(("key" = String, Path, description = "The key of the entry.")),
        responses((status = 204, description = "The entry is deleted.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let key = super::key(&mut member)?;
    let cache = Cache::of(member.context(), member.tenant())?;
    if cache.delete(&key).await? {
        Ok(Response::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Error::CacheEntryNotFound)
    }
}
