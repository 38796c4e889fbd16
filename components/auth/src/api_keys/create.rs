//! `POST /api/v1/api-keys`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    api_key::{self, Authority, NewApiKeyRequest, ShownOnce},
};
use web::{Member, Response};

web::endpoint! {
    /// Creates an API key.
    ///
    /// Only this response contains the key itself. An API key can create only keys whose scopes, limits and expiry are
    /// within its own.
    ENDPOINT: POST "/api/v1/api-keys" => handler,
    access: Member(ApiKeysWrite),
    authority: ApiKeys,
    options: [destructive()],
    operation_id: "createApiKey",
    problems: [(403, &["scope_not_held", "stronger_api_key"]), (409, &["too_many_api_keys"])],
    headers: ["Location"],
    openapi: (
        tag = "API keys",
        request_body = NewApiKeyRequest,
        responses((status = 201, description = "The key.", body = ShownOnce<'_>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let request: NewApiKeyRequest = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let (record, key) =
        api_key::create(context, tenant, request.into(), &authority, &actor).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/api-keys/{}", record.id));
    Ok(Response::created(&ShownOnce::new(&record, &key))
        .with_header(header::LOCATION, location.map_err(Error::internal)?))
}
