//! `DELETE /admin/tenants/{id}/api-keys/{key_id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    api_key::{self, Authority},
};
use uuid::Uuid;
use web::{Operator, Response};

web::endpoint! {
    /// Permanently revokes an API key of a tenant, with immediate effect.
    ENDPOINT: DELETE "/admin/tenants/{id}/api-keys/{key_id}" => handler,
    access: Operator(TenantApiKeysWrite),
    authority: TenantApiKeys,
    options: [pending()],
    operation_id: "revokeTenantApiKey",
    problems: [(404, &["api_key_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("key_id" = Uuid, Path, description = "The id of the key."),
        ),
        responses((status = 204, description = "The key is revoked.")),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let key: Uuid = operator.call().parameter("key_id").map_err(|_| Error::ApiKeyNotFound)?;
    let tenant = operator.tenant().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let effect = api_key::revoke(context, &tenant, key, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
