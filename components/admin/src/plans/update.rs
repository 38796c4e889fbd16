//! `PUT` and `PATCH /admin/plans/{name}`

use tenancy::{
    Result,
    plan::{self, Plan},
    tenant::LimitChange,
};
use utoipa::ToSchema;
use web::{Operator, Response};

tenancy::fields! {
    /// A change of a plan. Omitted fields keep their values.
    #[derive(ToSchema)]
    #[schema(as = PlanUpdate)]
    struct Request {
        limits: Option<LimitChange>,
        /// `true` makes the plan the default, instead of the current default.
        is_default: Option<bool>,
    }
}

web::endpoint! {
    /// Updates a plan. New limits apply to its tenants from their next request.
    PATCH: PATCH "/admin/plans/{name}" => patch,
    access: Operator(PlansWrite),
    options: [pending()],
    operation_id: "updatePlan",
    openapi: (
        tag = "Plans",
        params(("name" = String, Path, description = "The name of the plan.", example = "enterprise")),
        request_body = Request,
        responses((status = 200, description = "The changed plan.", body = Plan)),
    ),
}

async fn patch(mut operator: Operator) -> Result<Response> {
    let name = super::name(&mut operator)?;
    let Request { limits, is_default } = operator.call().json().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let changed = plan::update(context, &name, limits.as_ref(), is_default, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}

web::endpoint! {
    /// Same as PATCH: omitted fields keep their values.
    PUT: PUT "/admin/plans/{name}" => put,
    access: Operator(PlansWrite),
    options: [pending()],
    operation_id: "replacePlan",
    openapi: (
        tag = "Plans",
        params(("name" = String, Path, description = "The name of the plan.", example = "enterprise")),
        request_body = Request,
        responses((status = 200, description = "The changed plan.", body = Plan)),
    ),
}

async fn put(operator: Operator) -> Result<Response> {
    patch(operator).await
}
