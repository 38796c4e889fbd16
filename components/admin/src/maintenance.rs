//! `POST /admin/maintenance`

use tenancy::{
    Result,
    http::{Operator, Response},
    maintenance::{self, Report},
};
use uuid::Uuid;

tenancy::fields! {
    /// Where to go on.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The `next_cursor` of the response before.
        after: Option<Uuid>,
    }
}

/// Finishes the work that requests and crashes left for later: files that wait to be removed, expired uploads,
/// queued publications, expired idempotency keys and reports. Call it regularly, and again with
/// `next_cursor` until that is null.
#[utoipa::path(
    post,
    path = "/admin/maintenance",
    tag = "Administration",
    params(Query),
    responses((status = 200, description = "The work that was done.", body = Report)),
)]
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { after } = operator.call().query()?;
    Ok(Response::ok(&maintenance::run(operator.tenancy(), after).await?))
}
