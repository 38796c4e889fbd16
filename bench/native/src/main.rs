//! The native reference: `GET /api/v1/tenant/info` as a native service on axum and tokio.
//!
//! It performs the application's work for a request with an access token: it verifies the token, calls Redis with the
//! application's script (which counts the call), returns the same JSON with the same headers, and writes the same line
//! of the log. It has only the fast path: every other case is an error, and it never reads PostgreSQL.

mod admission;
mod answer;
mod settings;
mod token;

use std::{sync::Arc, time::Instant};

use anyhow::Result;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
    routing::get,
    serve::ListenerExt as _,
};
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;

use crate::{admission::Admission, answer::Tenant, settings::Settings, token::AccessTokens};

struct Service {
    tokens: AccessTokens,
    admission: Admission,
    tenant: Tenant,
}

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::from_environment()?;
    let service = Arc::new(Service {
        tokens: AccessTokens::new(settings.secret.as_bytes()),
        admission: Admission::connect(&settings.redis_url, settings.tenant_version).await?,
        tenant: settings.tenant,
    });
    let router = Router::new().route("/api/v1/tenant/info", get(info)).with_state(service);
    let listener = TcpListener::bind(&settings.address).await?.tap_io(|connection| {
        // If this fails, the connection is only slower.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, router).await?;
    Ok(())
}

async fn info(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let start = Instant::now();
    let now = now();
    let claims = bearer(&headers)
        .and_then(|token| service.tokens.verify(token, now).ok())
        .filter(|claims| claims.tid == service.tenant.id)
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let meter = service.admission.admit(&claims).await.map_err(|error| {
        log_failure(&error);
        StatusCode::SERVICE_UNAVAILABLE
    })?;
    let request_id = answer::request_id(now).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let response = answer::of_tenant(&service.tenant, &meter, &request_id)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    answer::log(now, &request_id, start.elapsed(), &claims);
    Ok(response)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

#[expect(clippy::disallowed_methods, reason = "this program has no platform")]
fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

#[expect(clippy::print_stderr, reason = "the log of a separate program")]
fn log_failure(error: &anyhow::Error) {
    eprintln!("{error:#}");
}
