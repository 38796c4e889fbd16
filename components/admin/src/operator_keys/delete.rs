//! `DELETE /admin/operator-keys/{id}`

use http::StatusCode;
use tenancy::{
    Result,
    http::{Operator, Response},
    operator_key,
};

/// Revokes an operator key for good; its next request is refused. An operator key can revoke only keys whose scopes,
/// expiry and networks are within its own, and itself.
#[utoipa::path(
    delete,
    path = "/admin/operator-keys/{id}",
    tag = "Operator keys",
    params(
        ("id" = uuid::Uuid, Path, description = "The id of the key."),
        ("If-Match" = Option<String>, Header, description = "The tag that the key must have."),
    ),
    responses((status = 204, description = "The key is revoked.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let id = super::id(&mut operator)?;
    let version = super::wanted_version(&mut operator, id).await?;
    let (tenancy, authority, actor) = (operator.tenancy(), operator.authority(), operator.actor());
    operator_key::revoke(tenancy, id, version, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
