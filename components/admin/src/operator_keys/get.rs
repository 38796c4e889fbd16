//! `GET /admin/operator-keys/{id}`

use http::StatusCode;
use tenancy::{
    Result,
    error::OperatorKeyError,
    operator_key::{OperatorKeyView, repo},
};
use web::{Conditions, Operator, Outcome, Response};

web::endpoint! {
    /// Returns an operator key, without its secret.
    ENDPOINT: GET "/admin/operator-keys/{id}" => handler,
    access: Operator(OperatorKeysRead),
    operation_id: "getOperatorKey",
    problems: [(412, &["precondition_failed"])],
    headers: ["ETag"],
    openapi: (
        tag = "Operator keys",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the key."),
            ("If-None-Match" = Option<String>, Header, description = "Returns 304 if the current entity tag is listed."),
        ),
        responses(
            (status = 200, description = "The key.", body = OperatorKeyView<'_>),
            (status = 304, description = "The caller already has the current version."),
        ),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id = super::id(&mut operator)?;
    let catalog = operator.context().catalog().await?;
    let key = repo::find(&*catalog, id).await?.ok_or(OperatorKeyError::NotFound)?;
    let validators = super::validators(&key)?;
    let conditions = Conditions::of(operator.call().request())?;
    let response = match conditions.check_read(&validators)? {
        Outcome::NotModified => Response::empty(StatusCode::NOT_MODIFIED),
        Outcome::Send => Response::ok(&OperatorKeyView::from(&key)),
    };
    validators.describe(response)
}
