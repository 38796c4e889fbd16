//! `DELETE /admin/tenants/{id}/api-keys/{key_id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    api_key::{self, Authority},
};
use uuid::Uuid;
use web::{Operator, Response};

/// Permanently revokes an API key of a tenant, with immediate effect.
#[utoipa::path(
    delete,
    path = "/admin/tenants/{id}/api-keys/{key_id}",
    tag = "Administration",
    params(
        ("id" = Uuid, Path, description = "The id of the tenant."),
        ("key_id" = Uuid, Path, description = "The id of the key."),
    ),
    responses((status = 204, description = "The key is revoked.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let key: Uuid = operator.call().parameter("key_id").map_err(|_| Error::ApiKeyNotFound)?;
    let tenant = operator.tenant().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let effect = api_key::revoke(context, &tenant, key, &Authority::unbounded(), &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
