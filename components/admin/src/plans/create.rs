//! `POST /admin/plans`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    plan::{self, Plan, PlanName},
    tenant::{LimitChange, Limits},
};
use utoipa::ToSchema;
use web::{Operator, Response};

tenancy::fields! {
    /// A new plan.
    #[derive(ToSchema)]
    #[schema(as = NewPlan)]
    struct Request {
        name: PlanName,
        /// All limits of the plan.
        #[schema(value_type = Limits)]
        limits: LimitChange,
        /// Whether the plan becomes the default for new tenants, instead of the current default.
        #[schema(required = false, default = false)]
        is_default: bool = false,
    }
}

web::endpoint! {
    /// Creates a plan.
    ENDPOINT: POST "/admin/plans" => handler,
    access: Operator(PlansWrite),
    operation_id: "createPlan",
    problems: [(409, &["plan_taken"])],
    headers: ["Location"],
    openapi: (
        tag = "Plans",
        request_body = Request,
        responses((status = 201, description = "The plan.", body = Plan)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Request { name, limits, is_default } = operator.call().json().await?;
    let (context, actor) = (operator.context(), operator.actor());
    let plan = plan::create(context, &name, &limits, is_default, &actor).await?;
    let location = HeaderValue::from_str(&format!("/admin/plans/{}", plan.name));
    Ok(Response::created(&plan).with_header(header::LOCATION, location.map_err(Error::internal)?))
}
