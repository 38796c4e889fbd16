//! `GET /health/detailed`

use http::StatusCode;
use tenancy::{
    Result,
    health::{self, Report, Status},
    http::{Call, Response},
};

/// Says how each store is. 503 when requests fail.
#[utoipa::path(
    get,
    path = "/health/detailed",
    tag = "Service",
    responses(
        (status = 200, description = "Requests are served.", body = Report),
        (status = 503, description = "Requests fail.", body = Report),
    ),
)]
pub async fn handler(call: Call) -> Result<Response> {
    let report = match call.try_tenancy() {
        Ok(tenancy) => health::check(tenancy).await,
        Err(settings) => health::misconfigured(settings),
    };
    let status = match report.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(Response::json(status, &report))
}
