//! `GET /api/v1/tenant/security-policy`

use tenancy::{
    Result,
    second_factor::{SecurityPolicy, repo},
    tenant::TenantDb,
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the rules of the tenant for sign-ins.
    ENDPOINT: GET "/api/v1/tenant/security-policy" => handler,
    access: Member(TenantRead),
    operation_id: "getSecurityPolicy",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The rules.", body = SecurityPolicy)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    Ok(Response::ok(&repo::policy(&database).await?))
}
