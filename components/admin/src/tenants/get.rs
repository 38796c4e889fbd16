//! `GET /admin/tenants/{id}`

use http::header;
use tenancy::{
    Error, Result,
    http::{Operator, Response},
    tenant::{OperatorTenantView, repo},
};

/// Shows a tenant, in whatever state it is.
#[utoipa::path(
    get,
    path = "/admin/tenants/{id}",
    tag = "Administration",
    params(("id" = uuid::Uuid, Path, description = "The tenant.")),
    responses((status = 200, description = "The tenant.", body = OperatorTenantView<'_>)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let id = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let catalog = operator.tenancy().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    Ok(Response::ok(&OperatorTenantView::from(&tenant))
        .with_header(header::ETAG, super::entity_tag(&tenant)))
}
