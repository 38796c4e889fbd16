//! `GET /api/v1/tenant/audit/verify`

use tenancy::{
    Result,
    audit::{self, Extent, Lease, Verification},
    http::{Member, Response},
};

tenancy::fields! {
    /// How much to verify.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// Verify a long trail from its beginning, instead of from its last checkpoint.
        #[param(required = false)]
        full: bool = false,
    }
}

/// Says whether the trail is as it was written: whether a row was changed, moved or removed.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/audit/verify",
    tag = "Audit",
    params(Query),
    responses((status = 200, description = "What was found.", body = Verification)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let Query { full } = member.call().query()?;
    let tenant_id = Some(member.tenant().id);
    let tenancy = member.tenancy();
    audit::flush(tenancy, member.tenant()).await?;
    let _lease = Lease::take(tenancy, tenant_id, "verify").await?;
    Ok(Response::ok(
        &audit::verify(
            tenancy,
            tenant_id,
            None,
            if full { Extent::Full } else { Extent::SinceCheckpoint },
        )
        .await?,
    ))
}
