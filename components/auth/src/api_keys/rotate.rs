//! `POST /api/v1/api-keys/{id}/rotate`

use chrono::TimeDelta;
use tenancy::{
    Error, Result,
    api_key::{self, Authority, Overlap, ShownOnce},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// The rotation of a key.
    #[derive(ToSchema)]
    #[schema(as = ApiKeyRotation)]
    struct Request {
        /// The number of seconds for which the previous secret stays valid, at most 30 days.
        #[schema(required = false, default = 0)]
        overlap_seconds: Overlap = Overlap::NONE,
    }
}

web::endpoint! {
    /// Replaces the secret of an API key.
    ///
    /// Only this response contains the new secret. The previous secret stays valid for the requested overlap; any older
    /// secret becomes invalid immediately. An API key can rotate only keys whose scopes, limits and expiry are within
    /// its own.
    ENDPOINT: POST "/api/v1/api-keys/{id}/rotate" => handler,
    access: Member(ApiKeysWrite),
    authority: ApiKeys,
    options: [destructive(), pending()],
    operation_id: "rotateApiKey",
    problems: [(403, &["scope_not_held", "stronger_api_key"])],
    openapi: (
        tag = "API keys",
        params(("id" = Uuid, Path, description = "The id of the key.")),
        request_body(content = Option<Request>),
        responses((status = 200, description = "The key, with its new secret.", body = ShownOnce<'_>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| Error::ApiKeyNotFound)?;
    let request: Request = member.call().json_or_empty().await?;
    let overlap = TimeDelta::seconds(request.overlap_seconds.seconds());
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = api_key::rotate(context, tenant, id, overlap, &authority, &actor).await?;
    let (record, key) = &changed.value;
    Ok(Response::ok(&ShownOnce::new(record, key)).with_effect(changed.effect))
}
