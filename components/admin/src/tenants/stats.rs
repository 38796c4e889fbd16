//! `GET /admin/tenants/{id}/stats`

use tenancy::{
    Error, Result,
    tenant::repo,
    usage::stats::{self, Stats},
};
use web::{Operator, Response};

/// Returns the usage and the limits of a tenant.
#[utoipa::path(
    get,
    path = "/admin/tenants/{id}/stats",
    tag = "Administration",
    params(("id" = uuid::Uuid, Path, description = "The id of the tenant.")),
    responses((status = 200, description = "The statistics.", body = Stats)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let id = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    if tenant.database_password.is_none() {
        return Err(Error::TenantDeleted);
    }
    Ok(Response::ok(&stats::stats(operator.context(), &tenant).await?))
}
