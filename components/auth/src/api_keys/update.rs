//! `PATCH /api/v1/api-keys/{id}`

use tenancy::{
    Error, Result,
    api_key::{self, ApiKeyChange, ApiKeyView, CallLimit, KeyName},
    http::{Member, Response, fields::Patch},
};
use utoipa::ToSchema;
use uuid::Uuid;

tenancy::fields! {
    /// What changes of a key. What is absent stays as it is; null takes a limit away.
    #[derive(ToSchema)]
    #[schema(as = ApiKeyUpdate)]
    struct Request {
        name: Option<KeyName>,
        #[schema(value_type = Option<CallLimit>)]
        max_requests_per_minute: Patch<CallLimit>,
        #[schema(value_type = Option<CallLimit>)]
        max_requests_per_day: Patch<CallLimit>,
    }
}

/// Changes the name or the limits of an API key. Limits take effect on its next request. An API key can change only
/// other keys whose scopes, limits and expiry are within its own, and stay there.
#[utoipa::path(
    patch,
    path = "/api/v1/api-keys/{id}",
    tag = "API keys",
    params(("id" = Uuid, Path, description = "The key's id.")),
    request_body = Request,
    responses((status = 200, description = "The key, changed.", body = ApiKeyView<'_>)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let request: Request = member.call().json().await?;
    // Its limits are what others have set for it.
    if member.is_api_key(id) {
        return Err(Error::UserRequired);
    }
    let change = ApiKeyChange {
        name: request.name,
        max_requests_per_minute: request.max_requests_per_minute,
        max_requests_per_day: request.max_requests_per_day,
    };
    let (authority, actor) = (member.authority(), member.actor());
    let (tenancy, tenant) = (member.tenancy(), member.tenant());
    let changed = api_key::update(tenancy, tenant, id, &change, &authority, &actor).await?;
    Ok(Response::ok(&ApiKeyView::from(&changed.value)).with_effect(changed.effect))
}
