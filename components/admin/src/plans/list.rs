//! `GET /admin/plans`

use tenancy::{
    Result, log,
    plan::{Plan, repo},
};
use web::{Operator, Page, Response};

web::endpoint! {
    /// Lists all plans, smallest first.
    ENDPOINT: GET "/admin/plans" => handler,
    access: Operator(PlansRead),
    operation_id: "listPlans",
    openapi: (
        tag = "Plans",
        responses((status = 200, description = "The plans.", body = Page<Plan>)),
    ),
}

async fn handler(operator: Operator) -> Result<Response> {
    let catalog = operator.context().catalog().await?;
    let items = log::readable(operator.context(), repo::list(&*catalog).await?);
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Ok(Response::ok(&Page { total: count.into(), offset: 0, limit: count.max(1), items }))
}
