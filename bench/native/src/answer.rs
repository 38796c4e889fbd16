//! The response and the line of the log, as in the application.

use std::{collections::BTreeMap, io::Write as _, time::Duration};

use anyhow::{Result, anyhow};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use crate::{admission::Meter, token::Claims};

/// A tenant in responses.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) id: Uuid,
    slug: String,
    name: String,
    domain: Option<String>,
    domains: Vec<String>,
    status: String,
    admin_email: String,
    plan: String,
    limits: BTreeMap<String, i64>,
    settings: Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Returns a new ID.
#[expect(clippy::disallowed_methods, reason = "this program has no platform")]
pub(crate) fn request_id(now: DateTime<Utc>) -> Result<String> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|error| anyhow!("{error}"))?;
    let millis = u64::try_from(now.timestamp_millis())?;
    Ok(Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string())
}

/// Returns the response.
pub(crate) fn of_tenant(tenant: &Tenant, meter: &Meter, request_id: &str) -> Result<Response> {
    let fixed = HeaderValue::from_static;
    let response = Response::builder()
        .header(header::CONTENT_TYPE, fixed("application/json"))
        .header(header::VARY, fixed("origin"))
        .header("x-request-id", request_id)
        .header(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"))
        .header(header::REFERRER_POLICY, fixed("no-referrer"))
        .header(
            header::CONTENT_SECURITY_POLICY,
            fixed("default-src 'none'; frame-ancestors 'none'"),
        )
        .header(header::CACHE_CONTROL, fixed("no-store"))
        .header("ratelimit-policy", &meter.policy)
        .header("ratelimit", &meter.remaining);
    Ok(response.body(Body::from(serde_json::to_vec(tenant)?))?)
}

/// Logs a request.
pub(crate) fn log(now: DateTime<Utc>, request_id: &str, duration: Duration, claims: &Claims) {
    let line = json!({
        "time": now,
        "level": "INFO",
        "message": "request",
        "request_id": request_id,
        "trace_id": null,
        "parent_span_id": null,
        "method": "GET",
        "route": "/api/v1/tenant/info",
        "status": 200,
        "duration_ms": duration.as_secs_f64() * 1_000.0,
        "tenant": claims.tid,
        "principal": format!("user:{}", claims.sub),
    });
    // A failure of the log must not fail the request.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}
