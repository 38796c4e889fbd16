//! `DELETE /api/v1/api-keys/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result, api_key,
    http::{Member, Response},
};
use uuid::Uuid;

/// Revokes an API key: it counts no more on its next request.
#[utoipa::path(
    delete,
    path = "/api/v1/api-keys/{id}",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id.")),
    responses((status = 204, description = "The key is revoked.")),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let effect = api_key::revoke(member.tenancy(), member.tenant(), id, &member.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
