//! `GET /metrics`

use tenancy::{Result, reports::cached};
use web::{Call, Response, require_metrics_token};

web::endpoint! {
    /// Returns the metrics for Prometheus. If `METRICS_TOKEN` is set, requests must send it as a bearer token.
    ENDPOINT: GET "/metrics" => handler,
    access: Public,
    operation_id: "getMetrics",
    problems: [(401, &["authentication_required", "invalid_token"])],
    openapi: (
        tag = "Service",
        responses(
            (status = 200, description = "The metrics.", body = String, content_type = "text/plain"),
            (status = 401, description = "The token is missing or invalid."),
        ),
    ),
}

async fn handler(call: Call) -> Result<Response> {
    let context = call.context()?;
    require_metrics_token(&call)?;
    let text = cached::metrics(&context).await;
    Ok(Response::bytes("text/plain; version=0.0.4; charset=utf-8", text.as_bytes().to_vec()))
}
