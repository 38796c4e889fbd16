//! `PUT` and `PATCH /admin/plans/{name}`

use tenancy::{
    Result,
    http::{Operator, Response},
    plan::{self, Plan},
    tenant::LimitChange,
};
use utoipa::ToSchema;

tenancy::fields! {
    /// What changes of a plan. What is absent stays as it is.
    #[derive(ToSchema)]
    #[schema(as = PlanUpdate)]
    struct Request {
        limits: Option<LimitChange>,
        /// True makes it the default, in the place of the one before.
        is_default: Option<bool>,
    }
}

/// Changes a plan. Its tenants have the new limits on their next request.
#[utoipa::path(
    patch,
    path = "/admin/plans/{name}",
    tag = "Plans",
    params(("name" = String, Path, description = "The plan.", example = "enterprise")),
    request_body = Request,
    responses((status = 200, description = "The plan, changed.", body = Plan)),
)]
pub async fn patch(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    let Request { limits, is_default } = operator.call().json().await?;
    let (tenancy, actor) = (operator.tenancy(), operator.actor());
    let changed = plan::update(tenancy, &name, limits.as_ref(), is_default, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}

/// The same as PATCH: what is absent stays as it is.
#[utoipa::path(
    put,
    path = "/admin/plans/{name}",
    tag = "Plans",
    params(("name" = String, Path, description = "The plan.", example = "enterprise")),
    request_body = Request,
    responses((status = 200, description = "The plan, changed.", body = Plan)),
)]
pub async fn put(operator: Operator) -> Result<Response> {
    patch(operator).await
}
