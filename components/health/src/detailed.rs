//! `GET /health/detailed`

use std::rc::Rc;

use http::StatusCode;
use tenancy::{
    Result,
    reports::{
        cached,
        health::{self, Report, Status},
    },
};
use web::{Call, Response};

web::endpoint! {
    /// Reports the state of each store. The status is 503 when requests fail.
    ENDPOINT: GET "/health/detailed" => handler,
    access: Public,
    operation_id: "getDetailedHealth",
    openapi: (
        tag = "Service",
        responses(
            (status = 200, description = "Requests are served.", body = Report),
            (status = 503, description = "Requests fail.", body = Report),
        ),
    ),
}

async fn handler(call: Call) -> Result<Response> {
    let report = match call.try_context() {
        Ok(context) => cached::health(context).await,
        Err(settings) => Rc::new(health::misconfigured(settings)),
    };
    let status = match report.status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(Response::json(status, &*report))
}
