//! `GET /admin/plans/{name}`

use tenancy::{
    Error, Result,
    plan::{Plan, repo},
};
use web::{Operator, Response};

web::endpoint! {
    /// Returns a plan.
    ENDPOINT: GET "/admin/plans/{name}" => handler,
    access: Operator(PlansRead),
    operation_id: "getPlan",
    openapi: (
        tag = "Plans",
        params(("name" = String, Path, description = "The name of the plan.", example = "enterprise")),
        responses((status = 200, description = "The plan.", body = Plan)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    let catalog = operator.context().catalog().await?;
    let plan = repo::find(&*catalog, &name).await?.ok_or(Error::PlanNotFound)?;
    Ok(Response::ok(&plan))
}
