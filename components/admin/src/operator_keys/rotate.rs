//! `POST /admin/operator-keys/{id}/rotate`

use chrono::TimeDelta;
use tenancy::{
    Result,
    api_key::Overlap,
    operator_key::{self, Authority, ShownOnce},
};
use utoipa::ToSchema;
use web::{Operator, Response};

tenancy::fields! {
    /// The rotation of a key.
    #[derive(ToSchema)]
    #[schema(as = OperatorKeyRotation)]
    struct Request {
        /// The number of seconds for which the previous secret stays valid, at most 30 days.
        #[schema(required = false, default = 0)]
        overlap_seconds: Overlap = Overlap::NONE,
    }
}

web::endpoint! {
    /// Replaces the secret of an operator key.
    ///
    /// Only this response contains the new secret. The previous secret stays valid for the overlap; any older secret
    /// becomes invalid immediately. An operator key can rotate only keys whose scopes, expiry and networks are within
    /// its own.
    ENDPOINT: POST "/admin/operator-keys/{id}/rotate" => handler,
    access: Operator(OperatorKeysWrite),
    authority: OperatorKeys,
    operation_id: "rotateOperatorKey",
    problems: [(403, &["scope_not_held", "stronger_api_key"]), (412, &["precondition_failed"])],
    openapi: (
        tag = "Operator keys",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the key."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the key has this entity tag."),
        ),
        request_body(content = Option<Request>),
        responses((status = 200, description = "The key, with its new secret.", body = ShownOnce<'_>)),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let id = super::id(&mut operator)?;
    let request: Request = operator.call().json_or_empty().await?;
    let overlap = TimeDelta::seconds(request.overlap_seconds.seconds());
    let version = super::wanted_version(&mut operator, id).await?;
    let (context, actor) = (operator.context(), operator.actor());
    let (record, key) =
        operator_key::rotate(context, id, overlap, version, &authority, &actor).await?;
    super::validators(&record)?.describe(Response::ok(&ShownOnce::new(&record, &key)))
}
