//! `GET /health`

use serde::Serialize;
use tenancy::{
    Result,
    health::Status,
    http::{Call, Response},
};

#[derive(Serialize)]
struct Live {
    status: Status,
}

/// Says that the service answers. No store is asked: one that is away is no reason to restart it.
pub async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Live { status: Status::Healthy }))
}
