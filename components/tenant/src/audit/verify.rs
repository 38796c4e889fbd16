//! `GET /api/v1/tenant/audit/verify`

use tenancy::{
    Result,
    audit::{self, Extent, Lease, Verification},
};
use web::{Member, Response};

tenancy::fields! {
    /// The part of the trail to verify.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// Verifies a long trail from its beginning instead of from its last checkpoint.
        #[param(required = false)]
        full: bool = false,
    }
}

web::endpoint! {
    /// Verifies that no row of the audit trail was changed, moved or removed.
    ENDPOINT: GET "/api/v1/tenant/audit/verify" => handler,
    access: Member(AuditRead),
    operation_id: "verifyAuditTrail",
    openapi: (
        tag = "Audit",
        params(Query),
        responses((status = 200, description = "The result of the verification.", body = Verification)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Query { full } = member.call().query()?;
    let tenant_id = Some(member.tenant().id);
    let context = member.context();
    audit::flush(context, member.tenant()).await?;
    let _lease = Lease::take(context, tenant_id, "verify").await?;
    Ok(Response::ok(
        &audit::verify(
            context,
            tenant_id,
            None,
            if full { Extent::Full } else { Extent::SinceCheckpoint },
        )
        .await?,
    ))
}
