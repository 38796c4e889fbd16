//! `POST /api/v1/api-keys/{id}/rotate`

use chrono::TimeDelta;
use tenancy::{
    Error, Result,
    api_key::{self, Overlap, ShownOnce},
    http::{Member, Response},
};
use utoipa::ToSchema;
use uuid::Uuid;

tenancy::fields! {
    /// How a key changes its secret.
    #[derive(ToSchema)]
    #[schema(as = ApiKeyRotation)]
    struct Request {
        /// Seconds for which the secret before still counts, at most 30 days.
        #[schema(required = false, default = 0)]
        overlap_seconds: Overlap = Overlap::NONE,
    }
}

/// Gives an API key another secret, which is in this answer and nowhere else. The one before counts
/// for as long as the caller asks, and the one before that no more. An API key can rotate only keys whose scopes,
/// limits and expiry are within its own.
#[utoipa::path(
    post,
    path = "/api/v1/api-keys/{id}/rotate",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id.")),
    request_body(content = Option<Request>),
    responses((status = 200, description = "The key, with its new secret.", body = ShownOnce<'_>)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let request: Request = member.call().json_or_empty().await?;
    let overlap = TimeDelta::seconds(request.overlap_seconds.seconds());
    let (authority, actor) = (member.authority(), member.actor());
    let (tenancy, tenant) = (member.tenancy(), member.tenant());
    let changed = api_key::rotate(tenancy, tenant, id, overlap, &authority, &actor).await?;
    let (record, key) = &changed.value;
    Ok(Response::ok(&ShownOnce::new(record, key)).with_effect(changed.effect))
}
