//! `PATCH /api/v1/api-keys/{id}`

use tenancy::{
    Error, Result,
    api_key::{self, ApiKeyChange, ApiKeyView, Authority, CallLimit, KeyName},
    input::Patch,
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// A change of a key. Omitted fields keep their values; null removes a limit.
    #[derive(ToSchema)]
    #[schema(as = ApiKeyUpdate)]
    struct Request {
        name: Option<KeyName>,
        #[schema(value_type = Option<CallLimit>)]
        max_requests_per_minute: Patch<CallLimit>,
        #[schema(value_type = Option<CallLimit>)]
        max_requests_per_day: Patch<CallLimit>,
    }
}

web::endpoint! {
    /// Updates the name or the limits of an API key.
    ///
    /// New limits take effect on the next request with the key. An API key cannot update itself. It can update only
    /// other keys whose scopes, limits and expiry are within its own, both before and after the change.
    ENDPOINT: PATCH "/api/v1/api-keys/{id}" => handler,
    access: Member(ApiKeysWrite),
    authority: ApiKeys,
    options: [pending()],
    operation_id: "updateApiKey",
    problems: [(403, &["scope_not_held", "stronger_api_key", "user_required"])],
    openapi: (
        tag = "API keys",
        params(("id" = Uuid, Path, description = "The id of the key.")),
        request_body = Request,
        responses((status = 200, description = "The changed key.", body = ApiKeyView<'_>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let request: Request = member.call().json().await?;
    let change = ApiKeyChange {
        name: request.name,
        max_requests_per_minute: request.max_requests_per_minute,
        max_requests_per_day: request.max_requests_per_day,
    };
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = api_key::update(context, tenant, id, &change, &authority, &actor).await?;
    Ok(Response::ok(&ApiKeyView::from(&changed.value)).with_effect(changed.effect))
}
