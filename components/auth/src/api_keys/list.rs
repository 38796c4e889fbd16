//! `GET /api/v1/api-keys`

use tenancy::{
    Result,
    api_key::{ApiKeyView, repo},
    log,
};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the tenant's API keys that are not revoked, newest first.
    ENDPOINT: GET "/api/v1/api-keys" => handler,
    access: Member(ApiKeysRead),
    operation_id: "listApiKeys",
    openapi: (
        tag = "API keys",
        params(PageQuery),
        responses((status = 200, description = "The keys.", body = Page<ApiKeyView<'_>>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let PageQuery { offset, limit } = member.call().query()?;
    let catalog = member.context().catalog().await?;
    let (keys, total) = repo::list(&*catalog, member.tenant().id, offset, limit.get()).await?;
    let keys = log::readable(member.context(), keys);
    let items = keys.iter().map(ApiKeyView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
