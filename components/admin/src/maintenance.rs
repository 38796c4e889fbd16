//! `POST /admin/maintenance`

use tenancy::{
    Result,
    maintenance::{self, Report},
};
use uuid::Uuid;
use web::{Operator, Response};

tenancy::fields! {
    /// The position at which to continue.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The `next_cursor` of the previous response.
        after: Option<Uuid>,
    }
}

web::endpoint! {
    /// Finishes work that requests and crashes have deferred.
    ///
    /// This covers files that wait to be removed, expired uploads, queued publications, expired idempotency keys and
    /// expired reports. Call it regularly. Repeat the call with `next_cursor` until that is null.
    ENDPOINT: POST "/admin/maintenance" => handler,
    access: Operator(MaintenanceRun),
    operation_id: "runMaintenance",
    openapi: (
        tag = "Administration",
        params(Query),
        responses((status = 200, description = "The completed work.", body = Report)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { after } = operator.call().query()?;
    Ok(Response::ok(&maintenance::run(operator.context(), after).await?))
}
