//! `DELETE /admin/operator-keys/{id}`

use http::StatusCode;
use tenancy::{
    Result,
    operator_key::{self, Authority},
};
use web::{Operator, Response};

web::endpoint! {
    /// Permanently revokes an operator key.
    ///
    /// The next request with the key is rejected. An operator key can revoke itself, and keys whose scopes, expiry and
    /// networks are within its own.
    ENDPOINT: DELETE "/admin/operator-keys/{id}" => handler,
    access: Operator(OperatorKeysWrite),
    authority: OperatorKeys,
    operation_id: "revokeOperatorKey",
    problems: [(403, &["scope_not_held", "stronger_api_key"]), (412, &["precondition_failed"])],
    openapi: (
        tag = "Operator keys",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the key."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the key has this entity tag."),
        ),
        responses((status = 204, description = "The key is revoked.")),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let id = super::id(&mut operator)?;
    let version = super::wanted_version(&mut operator, id).await?;
    let (context, actor) = (operator.context(), operator.actor());
    operator_key::revoke(context, id, version, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
