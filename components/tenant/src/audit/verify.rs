//! `GET /api/v1/tenant/audit/verify`

use tenancy::{
    Result,
    audit::{self, Verification},
    http::{Member, Response},
};

/// Says whether the trail is as it was written: whether a row was changed, moved or removed.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/audit/verify",
    tag = "Audit",
    responses((status = 200, description = "What was found.", body = Verification)),
)]
pub async fn handler(member: Member) -> Result<Response> {
    let tenant_id = Some(member.tenant().id);
    let tenancy = member.tenancy();
    audit::flush(tenancy, member.tenant()).await?;
    Ok(Response::ok(&audit::verify(tenancy, tenant_id, None).await?))
}
