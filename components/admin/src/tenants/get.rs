//! `GET /admin/tenants/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    tenant::{OperatorTenantView, repo},
};
use web::{Conditions, Operator, Outcome, Response};

web::endpoint! {
    /// Returns a tenant in any state.
    ENDPOINT: GET "/admin/tenants/{id}" => handler,
    access: Operator(TenantsRead),
    operation_id: "getTenant",
    problems: [(412, &["precondition_failed"])],
    headers: ["ETag", "Last-Modified"],
    openapi: (
        tag = "Administration",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the tenant."),
            ("If-None-Match" = Option<String>, Header, description = "Returns 304 if the current entity tag is listed."),
        ),
        responses(
            (status = 200, description = "The tenant.", body = OperatorTenantView<'_>),
            (status = 304, description = "The caller already has the current version."),
        ),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    let validators = super::validators(&tenant)?;
    let conditions = Conditions::of(operator.call().request())?;
    let response = match conditions.check_read(&validators)? {
        Outcome::NotModified => Response::empty(StatusCode::NOT_MODIFIED),
        Outcome::Send => Response::ok(&OperatorTenantView::from(&tenant)),
    };
    validators.describe(response)
}
