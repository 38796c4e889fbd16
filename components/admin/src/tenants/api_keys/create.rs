//! `POST /admin/tenants/{id}/api-keys`

use tenancy::{
    Result,
    api_key::{self, Authority, NewApiKeyRequest, ShownOnce},
};
use web::{Operator, Response};

web::endpoint! {
    /// Creates an API key for a tenant. Only this response contains the key itself.
    ENDPOINT: POST "/admin/tenants/{id}/api-keys" => handler,
    access: Operator(TenantApiKeysWrite),
    authority: TenantApiKeys,
    operation_id: "createTenantApiKey",
    problems: [(403, &["tenant_suspended", "tenant_deleted"]), (409, &["too_many_api_keys"])],
    openapi: (
        tag = "Administration",
        params(("id" = uuid::Uuid, Path, description = "The id of the tenant.")),
        request_body = NewApiKeyRequest,
        responses((status = 201, description = "The key.", body = ShownOnce<'_>)),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let request: NewApiKeyRequest = operator.call().json().await?;
    let tenant = operator.tenant().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let (record, key) =
        api_key::create(context, &tenant, request.into(), &authority, &actor).await?;
    Ok(Response::created(&ShownOnce::new(&record, &key)))
}
