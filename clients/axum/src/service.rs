//! Calls of `GET /api/v1/auth/verify`.

use axum::http::{HeaderMap, StatusCode, header};
use reqwest::redirect::Policy;

use crate::{Identity, Refusal, Tenancy};

/// The headers of a caller that identify it.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "x-tenant-slug"];
/// The longest accepted body of a response in bytes.
const LONGEST: usize = 64 * 1024;

/// Returns a client without redirects and proxies, which would send the credential elsewhere.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().redirect(Policy::none()).no_proxy().build()
}

/// Returns the caller with these headers if it holds the scopes.
pub(crate) async fn verify(
    tenancy: &Tenancy,
    scopes: &[String],
    headers: &HeaderMap,
) -> Result<Identity, Refusal> {
    let answer = tokio::time::timeout(tenancy.timeout, ask(tenancy, scopes, headers)).await;
    let (status, headers, body) = answer.ok().flatten().ok_or_else(Refusal::unavailable)?;
    if status == StatusCode::OK {
        let caller: Identity = serde_json::from_slice(&body).map_err(|_| Refusal::unavailable())?;
        let is_complete = !caller.tenant_id.is_empty();
        let holds_all = scopes.iter().all(|scope| caller.scopes.contains(scope));
        return if is_complete && holds_all { Ok(caller) } else { Err(Refusal::unavailable()) };
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_problem = media_type == Some("application/problem+json");
    if is_problem && status.is_client_error() {
        return Err(Refusal::of_service(status, &headers, body));
    }
    Err(Refusal::unavailable())
}

/// Returns the response of the service, or nothing if it is incomplete or too long.
async fn ask(
    tenancy: &Tenancy,
    scopes: &[String],
    headers: &HeaderMap,
) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
    let mut url = format!("{}/api/v1/auth/verify", tenancy.url);
    if !scopes.is_empty() {
        // Scopes have no characters with a meaning in a query, except the space between them.
        url = format!("{url}?scope={}", scopes.join("%20"));
    }
    let send = || {
        let mut request = tenancy.client.get(&url);
        for name in CREDENTIALS {
            for value in headers.get_all(name) {
                request = request.header(name, value);
            }
        }
        request.send()
    };
    let mut response = match send().await {
        // The service may have closed a connection that was kept alive.
        Err(error) if !error.is_timeout() => send().await.ok()?,
        sent => sent.ok()?,
    };
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        body.extend_from_slice(&piece);
        if body.len() > LONGEST {
            return None;
        }
    }
    Some((response.status(), std::mem::take(response.headers_mut()), body))
}
