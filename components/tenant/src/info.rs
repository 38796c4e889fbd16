//! `GET /api/v1/tenant/info`

use tenancy::{
    Result,
    tenant::{TenantView, shown},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the caller's tenant.
    ENDPOINT: GET "/api/v1/tenant/info" => handler,
    access: Member(TenantRead),
    operation_id: "getTenantInfo",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The tenant.", body = TenantView<'_>)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let shown = shown::to_json(member.context(), member.tenant())?;
    Ok(Response::bytes("application/json", shown.to_vec()))
}
