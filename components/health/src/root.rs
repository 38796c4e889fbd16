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

web::endpoint! {
    /// Returns the name and the version of the service.
    ENDPOINT: GET "/" => handler,
    access: Public,
    operation_id: "getServiceInfo",
    openapi: (
        tag = "Service",
        responses((status = 200, description = "The name and the version.", body = Root)),
    ),
}

async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Root {
        name: "tenancy",
        version: env!("CARGO_PKG_VERSION"),
        health: "/health/detailed",
    }))
}
