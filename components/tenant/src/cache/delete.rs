//! `DELETE /api/v1/cache/{key}`

use http::StatusCode;
use tenancy::{Error, Result, cache::Cache};
use web::{Member, Response};

/// Deletes a cache entry.
#[utoipa::path(
    delete,
    path = "/api/v1/cache/{key}",
    tag = "Cache",
    params(("key" = String, Path, description = "The key of the entry.")),
    responses((status = 204, description = "The entry is deleted.")),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let key = super::key(&mut member)?;
    let cache = Cache::of(member.context(), member.tenant())?;
    if cache.delete(&key).await? {
        Ok(Response::empty(StatusCode::NO_CONTENT))
    } else {
        Err(Error::CacheEntryNotFound)
    }
}
