//! `DELETE /admin/plans/{name}`

use http::StatusCode;
use tenancy::{Result, plan};
use web::{Operator, Response};

/// Deletes a plan. The default plan and plans with tenants cannot be deleted.
#[utoipa::path(
    delete,
    path = "/admin/plans/{name}",
    tag = "Plans",
    params(("name" = String, Path, description = "The name of the plan.", example = "trial")),
    responses((status = 204, description = "The plan is deleted.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    plan::delete(operator.context(), &name, &operator.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
