//! `GET /health`

use serde::Serialize;
use tenancy::{
    Result,
    health::Status,
    http::{Call, Response},
};

#[derive(Serialize, utoipa::ToSchema)]
struct Live {
    status: Status,
}

/// Says that the service answers. No store is asked: one that is away is no reason to restart it.
#[utoipa::path(
    get,
    path = "/health",
    tag = "Service",
    responses((status = 200, description = "It answers.", body = Live)),
)]
pub async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Live { status: Status::Healthy }))
}
