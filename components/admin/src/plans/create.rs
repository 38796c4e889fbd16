//! `POST /admin/plans`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    http::{Operator, Response},
    plan::{self, Plan, PlanName},
    tenant::{LimitChange, Limits},
};
use utoipa::ToSchema;

tenancy::fields! {
    /// A plan to be made.
    #[derive(ToSchema)]
    #[schema(as = NewPlan)]
    struct Request {
        name: PlanName,
        /// Every limit.
        #[schema(value_type = Limits)]
        limits: LimitChange,
        /// Whether new tenants get it where nothing else is asked for, in the place of the one before.
        #[schema(required = false, default = false)]
        is_default: bool = false,
    }
}

/// Makes a plan.
#[utoipa::path(
    post,
    path = "/admin/plans",
    tag = "Plans",
    request_body = Request,
    responses((status = 201, description = "The plan.", body = Plan)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let Request { name, limits, is_default } = operator.call().json().await?;
    let (tenancy, actor) = (operator.tenancy(), operator.actor());
    let plan = plan::create(tenancy, &name, &limits, is_default, &actor).await?;
    let location = HeaderValue::from_str(&format!("/admin/plans/{}", plan.name));
    Ok(Response::created(&plan).with_header(header::LOCATION, location.map_err(Error::internal)?))
}
