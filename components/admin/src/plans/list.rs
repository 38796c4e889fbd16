//! `GET /admin/plans`

use tenancy::{
    Result, log,
    plan::{Plan, repo},
};
use web::{Operator, Page, Response};

/// Lists all plans, smallest first.
#[utoipa::path(
    get,
    path = "/admin/plans",
    tag = "Plans",
    responses((status = 200, description = "The plans.", body = Page<Plan>)),
)]
pub async fn handler(operator: Operator) -> Result<Response> {
    let catalog = operator.context().catalog().await?;
    let items = log::readable(operator.context(), repo::list(&*catalog).await?);
    let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
    Ok(Response::ok(&Page { total: count.into(), offset: 0, limit: count.max(1), items }))
}
