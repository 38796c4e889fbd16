//! `GET /health`

use serde::Serialize;
use tenancy::{Result, reports::health::Status};
use web::{Call, Response};

#[derive(Serialize, utoipa::ToSchema)]
struct Live {
    status: Status,
}

web::endpoint! {
    /// Reports that the service responds. It checks no store, because a restart does not fix an unavailable store.
    ENDPOINT: GET "/health" => handler,
    access: Public,
    operation_id: "getHealth",
    openapi: (
        tag = "Service",
        responses((status = 200, description = "The service responds.", body = Live)),
    ),
}

async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Live { status: Status::Healthy }))
}
