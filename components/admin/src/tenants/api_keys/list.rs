//! `GET /admin/tenants/{id}/api-keys`

use tenancy::{
    Result,
    api_key::{ApiKeyView, repo},
    log,
};
use web::{Operator, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the API keys of a tenant that are not revoked, newest first.
    ENDPOINT: GET "/admin/tenants/{id}/api-keys" => handler,
    access: Operator(TenantApiKeysRead),
    operation_id: "listTenantApiKeys",
    openapi: (
        tag = "Administration",
        params(("id" = uuid::Uuid, Path, description = "The id of the tenant."), PageQuery),
        responses((status = 200, description = "The keys.", body = Page<ApiKeyView<'_>>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let PageQuery { offset, limit } = operator.call().query()?;
    let tenant = operator.tenant().await?;
    let catalog = operator.context().catalog().await?;
    let (keys, total) = repo::list(&*catalog, tenant.id, offset, limit.get()).await?;
    let keys = log::readable(operator.context(), keys);
    let items = keys.iter().map(ApiKeyView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
