//! `GET /api/v1/tenant/info`

use tenancy::{
    Result,
    http::{Member, Response},
    tenant::TenantView,
};

/// Shows the caller's tenant.
pub async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&TenantView::from(member.tenant().record())))
}
