//! `GET /`

use serde::Serialize;
use tenancy::{
    Result,
    http::{Call, Response},
};

#[derive(Serialize)]
struct Root {
    name: &'static str,
    version: &'static str,
    health: &'static str,
}

/// Says what answers here.
pub async fn handler(_: Call) -> Result<Response> {
    Ok(Response::ok(&Root {
        name: "tenancy",
        version: env!("CARGO_PKG_VERSION"),
        health: "/health/detailed",
    }))
}
