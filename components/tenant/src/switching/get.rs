//! `GET /api/v1/tenant/switching`

use tenancy::{
    Result,
    verified_address::switching::{self, SwitchingTenants},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the tenants that this tenant names for switching.
    ENDPOINT: GET "/api/v1/tenant/switching" => handler,
    access: Member(TenantRead),
    operation_id: "getSwitchingTenants",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The tenants.", body = SwitchingTenants)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&switching::get(member.context(), member.tenant()).await?))
}
