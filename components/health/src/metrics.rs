//! `GET /metrics`

use tenancy::{
    Result,
    http::{Call, Response},
    metrics,
};

/// Shows what was counted, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "Service",
    responses((status = 200, description = "The metrics.", body = String,
               content_type = "text/plain")),
)]
pub async fn handler(call: Call) -> Result<Response> {
    let text = metrics::render(&*call.tenancy()?).await;
    Ok(Response::bytes("text/plain; version=0.0.4; charset=utf-8", text.into_bytes()))
}
