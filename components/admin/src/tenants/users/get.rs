//! `GET /admin/tenants/{id}/users/{user}`

use tenancy::{
    Error, Result,
    tenant::TenantDb,
    user::{OperatorUserView, repo},
};
use uuid::Uuid;
use web::{Operator, Response};

web::endpoint! {
    /// Returns a user of a tenant.
    ENDPOINT: GET "/admin/tenants/{id}/users/{user}" => handler,
    access: Operator(TenantUsersRead),
    operation_id: "getTenantUser",
    problems: [(404, &["user_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("user" = Uuid, Path, description = "The id of the user."),
        ),
        responses((status = 200, description = "The user.", body = OperatorUserView<'_>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("user").map_err(|_| Error::UserNotFound)?;
    let tenant = operator.tenant().await?;
    let database = TenantDb::connect(operator.context(), &tenant).await?;
    let user = repo::find(&database, id).await?.ok_or(Error::UserNotFound)?;
    Ok(Response::ok(&OperatorUserView::from(&user)))
}
