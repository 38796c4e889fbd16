//! `GET /api/v1/api-keys`

use tenancy::{
    Result,
    api_key::{ApiKeyView, repo},
    log,
};
use web::{Limit, Member, Page, Response};

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
    /// Lists the tenant's API keys that are not revoked, newest first.
    ENDPOINT: GET "/api/v1/api-keys" => handler,
    access: Member(ApiKeysRead),
    operation_id: "listApiKeys",
    openapi: (
        tag = "API keys",
        params(Query),
        responses((status = 200, description = "The keys.", body = Page<ApiKeyView<'_>>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Query { offset, limit } = member.call().query()?;
    let catalog = member.context().catalog().await?;
    let (keys, total) = repo::list(&*catalog, member.tenant().id, offset, limit.get()).await?;
    let keys = log::readable(member.context(), keys);
    let items = keys.iter().map(ApiKeyView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
