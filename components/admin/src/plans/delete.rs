//! `DELETE /admin/plans/{name}`

use http::StatusCode;
use tenancy::{
    Result,
    http::{Operator, Response},
    plan,
};

/// Removes a plan. The default plan, and one that tenants have, stay.
#[utoipa::path(
    delete,
    path = "/admin/plans/{name}",
    tag = "Plans",
    params(("name" = String, Path, description = "The plan.", example = "trial")),
    responses((status = 204, description = "The plan is gone.")),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    plan::delete(operator.tenancy(), &name, &operator.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
