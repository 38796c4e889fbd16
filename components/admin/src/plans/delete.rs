//! `DELETE /admin/plans/{name}`

use http::StatusCode;
use tenancy::{Result, plan};
use web::{Operator, Response};

web::endpoint! {
    /// Deletes a plan. The default plan and plans with tenants cannot be deleted.
    ENDPOINT: DELETE "/admin/plans/{name}" => handler,
    access: Operator(PlansWrite),
    operation_id: "deletePlan",
    problems: [(409, &["plan_in_use"])],
    openapi: (
        tag = "Plans",
        params(("name" = String, Path, description = "The name of the plan.", example = "trial")),
        responses((status = 204, description = "The plan is deleted.")),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    plan::delete(operator.context(), &name, &operator.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
