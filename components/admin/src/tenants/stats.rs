//! `GET /admin/tenants/{id}/stats`

use tenancy::{
    Error, Result,
    tenant::repo,
    usage::stats::{self, Stats},
};
use web::{Operator, Response};

web::endpoint! {
    /// Returns the usage and the limits of a tenant.
    ENDPOINT: GET "/admin/tenants/{id}/stats" => handler,
    access: Operator(TenantsRead),
    operation_id: "getTenantStatistics",
    openapi: (
        tag = "Administration",
        params(("id" = uuid::Uuid, Path, description = "The id of the tenant.")),
        responses((status = 200, description = "The statistics.", body = Stats)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    if tenant.database_password.is_none() {
        return Err(Error::TenantDeleted);
    }
    Ok(Response::ok(&stats::stats(operator.context(), &tenant).await?))
}
