//! A client of `GET /api/v1/auth/verify`, for any HTTP server.

mod identity;
mod refusal;

use std::{sync::Arc, time::Duration};

use reqwest::{
    StatusCode,
    header::{self, HeaderMap},
    redirect::Policy,
};

pub use identity::Identity;
pub use refusal::Refusal;

/// The headers of a caller that identify it.
const CREDENTIALS: [&str; 3] = ["authorization", "x-api-key", "x-tenant-slug"];
/// The longest accepted body of a response in bytes.
const LONGEST: usize = 64 * 1024;

/// A connection to the service. Clones share it.
#[derive(Debug, Clone)]
pub struct Tenancy {
    url: Arc<str>,
    timeout: Duration,
    client: reqwest::Client,
}

impl Tenancy {
    /// Uses the service at this URL, such as `http://tenancy:8002`. A verification takes two seconds at most.
    ///
    /// # Errors
    /// The TLS library cannot be initialized.
    pub fn new(url: &str) -> Result<Self, reqwest::Error> {
        Self::with_timeout(url, Duration::from_secs(2))
    }

    /// Uses the service at this URL. A verification takes `timeout` at most.
    pub fn with_timeout(url: &str, timeout: Duration) -> Result<Self, reqwest::Error> {
        // Redirects and proxies would send the credential elsewhere.
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build()?;
        Ok(Self { url: url.trim_end_matches('/').into(), timeout, client })
    }

    /// Returns the caller with these headers if it holds the scopes.
    pub(crate) async fn verify(
        &self,
        scopes: &[String],
        headers: &HeaderMap,
    ) -> Result<Identity, Refusal> {
        let answer = tokio::time::timeout(self.timeout, self.ask(scopes, headers)).await;
        let (status, headers, body) = answer.ok().flatten().ok_or_else(Refusal::unavailable)?;
        if status == StatusCode::OK {
            let caller: Identity =
                serde_json::from_slice(&body).map_err(|_| Refusal::unavailable())?;
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
        &self,
        scopes: &[String],
        headers: &HeaderMap,
    ) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
        let mut url = format!("{}/api/v1/auth/verify", self.url);
        if !scopes.is_empty() {
            // Scopes have no characters with a meaning in a query, except the space between them.
            url = format!("{url}?scope={}", scopes.join("%20"));
        }
        let send = || {
            let mut request = self.client.get(&url);
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
}
