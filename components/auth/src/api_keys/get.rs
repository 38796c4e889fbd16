//! `GET /api/v1/api-keys/{id}`

use tenancy::{
    Error, Result,
    api_key::{ApiKeyView, repo},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Returns an API key, without its secret.
    ENDPOINT: GET "/api/v1/api-keys/{id}" => handler,
    access: Member(ApiKeysRead),
    operation_id: "getApiKey",
    openapi: (
        tag = "API keys",
        params(("id" = Uuid, Path, description = "The id of the key.")),
        responses((status = 200, description = "The key.", body = ApiKeyView<'_>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let catalog = member.context().catalog().await?;
    let record = repo::find(&*catalog, member.tenant().id, id).await?;
    Ok(Response::ok(&ApiKeyView::from(&record.ok_or(Error::ApiKeyNotFound)?)))
}
