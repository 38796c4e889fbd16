//! `GET /api/v1/tenant/stats`

use tenancy::{
    Result,
    http::{Member, Response},
    tenant::stats::{self, Stats},
};

/// Shows the caller's tenant in numbers: what it uses, and what it may.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/stats",
    tag = "Tenant",
    responses((status = 200, description = "The numbers.", body = Stats)),
)]
pub async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&stats::stats(member.tenancy(), member.tenant().record()).await?))
}
