//! `GET /api/v1/cache/{key}`

use http::{HeaderName, HeaderValue, header};
use tenancy::{Error, Result, cache::Cache};
use web::{Member, Response};

web::endpoint! {
    /// Returns a cache entry unchanged. The header `X-Cache-TTL` is its remaining lifetime in seconds.
    ENDPOINT: GET "/api/v1/cache/{*key}" => handler,
    access: Member(CacheRead),
    operation_id: "getCacheEntry",
    problems: [(404, &["cache_entry_not_found"])],
    headers: ["X-Cache-TTL"],
    openapi: (
        tag = "Cache",
        params(("key" = String, Path, description = "The key of the entry.")),
        responses((status = 200, description = "The entry.", content_type = "application/octet-stream")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let key = super::key(&mut member)?;
    let cache = Cache::of(member.context(), member.tenant())?;
    let (entry, seconds) = cache.get(&key).await?.ok_or(Error::CacheEntryNotFound)?;
    let content_type = HeaderValue::from_str(&entry.content_type).map_err(Error::internal)?;
    Ok(Response::bytes("application/octet-stream", entry.value)
        .with_header(header::CONTENT_TYPE, content_type)
        .with_header(HeaderName::from_static("x-cache-ttl"), HeaderValue::from(seconds))
        // Tenant content must never run as a page of this service.
        .with_header(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
        ))
}
