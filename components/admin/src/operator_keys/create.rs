//! `POST /admin/operator-keys`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    operator_key::{self, Authority, NewOperatorKeyRequest, ShownOnce},
};
use web::{Operator, Response};

web::endpoint! {
    /// Creates an operator key.
    ///
    /// Only this response contains the key itself. An operator key can create only keys whose scopes, expiry and
    /// networks are within its own.
    ENDPOINT: POST "/admin/operator-keys" => handler,
    access: Operator(OperatorKeysWrite),
    authority: OperatorKeys,
    operation_id: "createOperatorKey",
    problems: [
        (403, &["scope_not_held", "stronger_api_key"]),
        (409, &["operator_key_name_taken", "too_many_operator_keys"]),
    ],
    headers: ["Location"],
    openapi: (
        tag = "Operator keys",
        request_body = NewOperatorKeyRequest,
        responses((status = 201, description = "The key.", body = ShownOnce<'_>)),
    ),
}

async fn handler(mut operator: Operator, authority: Authority) -> Result<Response> {
    let request: NewOperatorKeyRequest = operator.call().json().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let (record, key) = operator_key::create(context, request.into(), &authority, &actor).await?;
    let location = HeaderValue::from_str(&format!("/admin/operator-keys/{}", record.id));
    let response = Response::created(&ShownOnce::new(&record, &key))
        .with_header(header::LOCATION, location.map_err(Error::internal)?);
    super::validators(&record)?.describe(response)
}
