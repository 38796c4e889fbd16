//! `GET /api/v1/tenant/stats`

use tenancy::{
    Result,
    usage::stats::{self, Stats},
};
use web::{Member, Response};

/// Returns the usage and the limits of the caller's tenant.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/stats",
    tag = "Tenant",
    responses((status = 200, description = "The statistics.", body = Stats)),
)]
pub async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&stats::stats(member.context(), member.tenant().record()).await?))
}
