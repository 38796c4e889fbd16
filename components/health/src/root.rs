//! `GET /`

use serde::Serialize;
use tenancy::Result;
use web::{Call, Response};

#[derive(Serialize, utoipa::ToSchema)]
struct Root {
    name: &'static str,
    version: &'static str,
    health: &'static str,
}

/// Returns the name and the version of the service.
#[utoipa::path(
    get,
    path = "/",
    tag = "Service",
    responses((status = 200, description = "The name and the version.", body = Root)),
)]
pub async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Root {
        name: "tenancy",
        version: env!("CARGO_PKG_VERSION"),
        health: "/health/detailed",
    }))
}
