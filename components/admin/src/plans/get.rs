//! `GET /admin/plans/{name}`

use tenancy::{
    Error, Result,
    plan::{Plan, repo},
};
use web::{Operator, Response};

/// Returns a plan.
#[utoipa::path(
    get,
    path = "/admin/plans/{name}",
    tag = "Plans",
    params(("name" = String, Path, description = "The name of the plan.", example = "enterprise")),
    responses((status = 200, description = "The plan.", body = Plan)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    let catalog = operator.context().catalog().await?;
    let plan = repo::find(&*catalog, &name).await?.ok_or(Error::PlanNotFound)?;
    Ok(Response::ok(&plan))
}
