//! `PATCH /admin/operator-keys/{id}`

use tenancy::{
    Result,
    operator_key::{self, Authority, OperatorKeyChange, OperatorKeyChangeRequest, OperatorKeyView},
};
use web::{Operator, Response};

web::endpoint! {
    /// Updates an operator key.
    ///
    /// The change takes effect on the next request with the key. An operator key can update only keys whose scopes,
    /// expiry and networks are within its own, both before and after the change.
    ENDPOINT: PATCH "/admin/operator-keys/{id}" => handler,
    access: Operator(OperatorKeysWrite),
    authority: OperatorKeys,
    operation_id: "updateOperatorKey",
    problems: [
        (403, &["scope_not_held", "stronger_api_key"]),
        (409, &["operator_key_name_taken"]),
        (412, &["precondition_failed"]),
    ],
    headers: ["ETag"],
    openapi: (
        tag = "Operator keys",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the key."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the key has this entity tag."),
        ),
        request_body = OperatorKeyChangeRequest,
        responses((status = 200, description = "The changed key.", body = OperatorKeyView<'_>)),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let id = super::id(&mut operator)?;
    let request: OperatorKeyChangeRequest = operator.call().json().await?;
    let change = OperatorKeyChange::from(request);
    let version = super::wanted_version(&mut operator, id).await?;
    let (context, actor) = (operator.context(), operator.actor());
    let key = operator_key::update(context, id, &change, version, &authority, &actor).await?;
    super::validators(&key)?.describe(Response::ok(&OperatorKeyView::from(&key)))
}
