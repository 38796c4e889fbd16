//! `GET /admin/tenants/{id}/former-slugs`

use tenancy::{
    Error, Result, log,
    tenant::repo::{self, slugs, slugs::FormerSlug},
};
use uuid::Uuid;
use web::{Limit, Operator, Page, Response};

tenancy::fields! {
    /// The part of the list to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

web::endpoint! {
    /// Lists the former slugs of a tenant that are reserved for it, latest first.
    ENDPOINT: GET "/admin/tenants/{id}/former-slugs" => handler,
    access: Operator(TenantsRead),
    operation_id: "listFormerSlugs",
    openapi: (
        tag = "Administration",
        params(("id" = Uuid, Path, description = "The id of the tenant."), Query),
        responses((status = 200, description = "The former slugs.", body = Page<FormerSlug>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let Query { offset, limit } = operator.call().query()?;
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    let (rows, total) = slugs::list(&*catalog, tenant.id, offset, limit.get()).await?;
    let items = log::readable(operator.context(), rows);
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
