//! `GET /api/v1/tenant/stats`

use tenancy::{
    Result,
    usage::stats::{self, Stats},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns the usage and the limits of the caller's tenant.
    ENDPOINT: GET "/api/v1/tenant/stats" => handler,
    access: Member(TenantRead),
    operation_id: "getStatistics",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The statistics.", body = Stats)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&stats::stats(member.context(), member.tenant().record()).await?))
}
