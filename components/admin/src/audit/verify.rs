//! `GET /admin/audit/verify`

use tenancy::{
    Result,
    audit::{self, Extent, Lease, Verification},
};
use uuid::Uuid;
use web::{Operator, Response};

tenancy::fields! {
    /// The audit trail to verify.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The id of the tenant. The default is the trail of the platform.
        tenant_id: Option<Uuid>,
        /// Verifies a long trail from its beginning instead of from its last checkpoint.
        #[param(required = false)]
        full: bool = false,
    }
}

web::endpoint! {
    /// Verifies that no row of the audit trail was changed, moved or removed.
    ENDPOINT: GET "/admin/audit/verify" => handler,
    access: Operator(AuditRead),
    operation_id: "verifyPlatformAuditTrail",
    openapi: (
        tag = "Audit",
        params(Query),
        responses((status = 200, description = "The result of the verification.", body = Verification)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { tenant_id, full } = operator.call().query()?;
    let context = operator.context();
    audit::flush_catalog(context, tenant_id).await?;
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
