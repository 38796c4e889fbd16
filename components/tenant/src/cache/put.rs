//! `PUT /api/v1/cache/{key}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    cache::{Cache, DEFAULT_TTL, Entry, LONGEST_TTL, MOST_VALUE_BYTES},
    input::FromField,
};
use web::{Member, Response};

tenancy::fields! {
    /// The lifetime of an entry.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The lifetime of the entry in seconds.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 2_592_000, default = 3600)]
        ttl: Seconds = Seconds(DEFAULT_TTL),
    }
}

/// A lifetime in seconds: 1 second to 30 days.
struct Seconds(u32);

impl FromField for Seconds {
    fn from_json(value: serde_json::Value) -> Result<Self, String> {
        u32::from_json(value).and_then(Self::new)
    }

    fn from_text(text: String) -> Result<Self, String> {
        u32::from_text(text).and_then(Self::new)
    }
}

impl Seconds {
    fn new(seconds: u32) -> Result<Self, String> {
        if (1..=LONGEST_TTL).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(format!("must be from 1 to {LONGEST_TTL}"))
        }
    }
}

web::endpoint! {
    /// Stores a cache entry of at most 1 MiB, and replaces an existing entry.
    ///
    /// If the tenant's part of the cache is full (64 MiB, 100,000 entries), the entries closest to expiry are evicted.
    ENDPOINT: PUT "/api/v1/cache/{*key}" => handler,
    access: Member(CacheWrite),
    operation_id: "putCacheEntry",
    problems: [(507, &["quota_exceeded"])],
    openapi: (
        tag = "Cache",
        params(("key" = String, Path, description = "The key of the entry."), Query),
        request_body(content = String, content_type = "application/octet-stream"),
        responses(
            (status = 201, description = "The entry is new."),
            (status = 204, description = "The entry was replaced."),
        ),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let key = super::key(&mut member)?;
    let Query { ttl: Seconds(seconds) } = member.call().query()?;
    let request = member.call().request();
    let content_type = request.header("content-type")?.unwrap_or("application/octet-stream");
    if content_type.is_empty() || content_type.len() > 255 {
        let message = "must have 1 to 255 characters".to_owned();
        return Err(Error::InvalidHeader { name: "content-type", message });
    }
    let content_type = content_type.to_owned();
    request.check_coding()?;
    let value = request.body.read_value(MOST_VALUE_BYTES).await?;
    let cache = Cache::of(member.context(), member.tenant())?;
    let is_new = cache.put(&key, &Entry { content_type, value }, seconds).await?;
    Ok(Response::empty(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT }))
}
