//! `GET /api/v1/tenant/info`

use tenancy::{
    Result,
    tenant::{TenantView, shown},
};
use web::{Member, Response};

/// Returns the caller's tenant.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/info",
    tag = "Tenant",
    responses((status = 200, description = "The tenant.", body = TenantView<'_>)),
)]
pub async fn handler(member: Member) -> Result<Response> {
    let shown = shown::to_json(member.context(), member.tenant())?;
    Ok(Response::bytes("application/json", shown.to_vec()))
}
