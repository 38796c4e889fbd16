//! `GET /api/v1/tenant/security-policy`

use tenancy::{
    Result,
    security_policy::{self, SecurityPolicy},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the rules of the tenant for sign-ins, sessions and passwords.
    ENDPOINT: GET "/api/v1/tenant/security-policy" => handler,
    access: Member(TenantRead),
    operation_id: "getSecurityPolicy",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The rules.", body = SecurityPolicy)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&security_policy::get(member.context(), member.tenant()).await?))
}
