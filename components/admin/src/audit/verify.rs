//! `GET /admin/audit/verify`

use tenancy::{
    Result,
    audit::{self, Extent, Lease, Verification},
    http::{Operator, Response},
};
use uuid::Uuid;

tenancy::fields! {
    /// Which trail to verify.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The tenant; the platform's own trail where it is absent.
        tenant_id: Option<Uuid>,
        /// Verify a long trail from its beginning, instead of from its last checkpoint.
        #[param(required = false)]
        full: bool = false,
    }
}

/// Says whether the trail is as it was written: whether a row was changed, moved or removed.
#[utoipa::path(
    get,
    path = "/admin/audit/verify",
    tag = "Audit",
    params(Query),
    responses((status = 200, description = "What was found.", body = Verification)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { tenant_id, full } = operator.call().query()?;
    let tenancy = operator.tenancy();
    audit::flush_catalog(tenancy, tenant_id).await?;
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
