//! `GET /`

use serde::Serialize;
use tenancy::{
    Result,
    http::{Call, Response},
};

#[derive(Serialize, utoipa::ToSchema)]
struct Root {
    name: &'static str,
    version: &'static str,
    health: &'static str,
}

/// Says what answers here.
#[utoipa::path(
    get,
    path = "/",
    tag = "Service",
    responses((status = 200, description = "What this is.", body = Root)),
)]
pub async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Root {
        name: "tenancy",
        version: env!("CARGO_PKG_VERSION"),
        health: "/health/detailed",
    }))
}
