//! `GET /api/v1/profile/second-factors`

use serde::Serialize;
use tenancy::{
    Result,
    second_factor::{SecondFactor, repo},
    tenant::TenantDb,
};
use utoipa::ToSchema;
use web::{Member, Response};

/// The second factors of a user.
#[derive(Serialize, ToSchema)]
pub struct SecondFactors {
    /// The factors, the oldest first. There are at most five.
    items: Vec<SecondFactor>,
    /// The number of unused recovery codes.
    recovery_codes: i64,
}

web::endpoint! {
    /// Lists the caller's second factors.
    ENDPOINT: GET "/api/v1/profile/second-factors" => handler,
    access: User(ProfileRead),
    operation_id: "listSecondFactors",
    openapi: (
        tag = "Second factors",
        responses((status = 200, description = "The second factors.", body = SecondFactors)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (items, recovery_codes) = repo::list(&database, member.user()?.sub).await?;
    Ok(Response::ok(&SecondFactors { items, recovery_codes }))
}
