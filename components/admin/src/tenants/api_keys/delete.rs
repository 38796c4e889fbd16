//! `DELETE /admin/tenants/{id}/api-keys/{key_id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    api_key::{self, Authority},
    http::{Operator, Response},
};
use uuid::Uuid;

/// Ends an API key of a tenant, at once and for good.
#[utoipa::path(
    delete,
    path = "/admin/tenants/{id}/api-keys/{key_id}",
    tag = "Administration",
    params(
        ("id" = Uuid, Path, description = "The tenant."),
        ("key_id" = Uuid, Path, description = "The key's id."),
    ),
    responses((status = 204, description = "The key counts no more.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let key: Uuid = operator.call().parameter("key_id").map_err(|_| Error::ApiKeyNotFound)?;
    let tenant = operator.tenant().await?;
    let (tenancy, actor) = (operator.tenancy(), operator.actor());
    let effect = api_key::revoke(tenancy, &tenant, key, &Authority::unbounded(), &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
