//! `DELETE /api/v1/api-keys/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    api_key::{self, Authority},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Revokes an API key.
    ///
    /// The next request with the key is rejected. An API key can revoke itself, and keys whose scopes, limits and
    /// expiry are within its own.
    ENDPOINT: DELETE "/api/v1/api-keys/{id}" => handler,
    access: Member(ApiKeysWrite),
    authority: ApiKeys,
    options: [destructive(), unmetered(), pending()],
    operation_id: "revokeApiKey",
    problems: [(403, &["scope_not_held", "stronger_api_key"])],
    openapi: (
        tag = "API keys",
        params(("id" = Uuid, Path, description = "The id of the key.")),
        responses((status = 204, description = "The key is revoked.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = api_key::revoke(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
