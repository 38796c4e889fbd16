//! `DELETE /admin/tenants/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    http::{Operator, Response},
    tenant::{
        Status,
        manage::{self, TenantChange},
    },
};
use uuid::Uuid;

/// Deletes a tenant: it takes no request any more. Its data is kept, and so are its names.
#[utoipa::path(
    delete,
    path = "/admin/tenants/{id}",
    tag = "Administration",
    params(("id" = Uuid, Path, description = "The tenant.")),
    responses((status = 204, description = "The tenant is deleted.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let change = TenantChange { status: Some(Status::Deleted), ..TenantChange::default() };
    manage::update(operator.tenancy(), id, &change, &operator.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
