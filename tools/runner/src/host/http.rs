//! Outbound `wasi:http`

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::{RequestOptions, WasiHttpHooks, default_send_request};

use crate::network::blocked::BlockedNetworks;
use crate::network::permits::Permits;
use crate::network::{CHAINING_SUFFIX, Gate};

/// The body of an outbound request, and of its response.
pub(crate) type Body = UnsyncBoxBody<Bytes, ErrorCode>;
type Outcome = Box<dyn Future<Output = Result<(), ErrorCode>> + Send>;
type Answer = Result<(Response<Body>, Outcome), TrappableError<ErrorCode>>;

/// Serves a call of a component by its name.
type Serve = dyn Fn(String, Request<Body>) -> Served + Send + Sync;
/// The response of a component.
pub(crate) type Served = Pin<Box<dyn Future<Output = Result<Response<Body>, ErrorCode>> + Send>>;

/// The components of the application, for calls between them. The application sets it once it can serve requests.
#[derive(Clone, Default)]
pub(crate) struct Chain(Arc<OnceLock<Box<Serve>>>);

impl Chain {
    /// Sets the function that serves calls, once.
    pub(crate) fn set(&self, serve: Box<Serve>) {
        // Only the first call has an effect.
        let _ = self.0.set(serve);
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Chain")
    }
}

/// The state that all instances of a component share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) blocked: BlockedNetworks,
    pub(crate) permits: Permits,
    /// The address of the application itself.
    pub(crate) own_authority: Authority,
    pub(crate) chain: Chain,
}

pub(crate) type State = Shared;

impl WasiHttpHooks for State {
    fn send_request(
        &mut self,
        request: Request<Body>,
        options: Option<RequestOptions>,
        _processed: Outcome,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let shared = self.clone();
        Box::new(async move { shared.send(request, options).await.map_err(TrappableError::from) })
    }
}

impl Shared {
    async fn send(
        &self,
        mut request: Request<Body>,
        options: Option<RequestOptions>,
    ) -> Result<(Response<Body>, Outcome), ErrorCode> {
        self.route(&mut request)?;
        if let Some(component) = chained_component(request.uri()) {
            let serve = self.chain.0.get();
            let serve = serve.ok_or(ErrorCode::InternalError(None))?;
            let response = serve(component, request).await?;
            return Ok((response, Box::new(async { Ok(()) })));
        }
        self.check_blocked(request.uri()).await?;
        let permit = self.permits.acquire().await;
        let (response, outcome) = default_send_request(request, options).await?;
        let outcome = async move {
            let result = outcome.await;
            drop(permit);
            result
        };
        Ok((response.map(BodyExt::boxed_unsync), Box::new(outcome)))
    }

    /// Checks the destination of `request`. A request without a host is sent to the application itself.
    fn route(&self, request: &mut Request<Body>) -> Result<(), ErrorCode> {
        let host = request.uri().host().unwrap_or_default();
        if host.is_empty() || host == "self.alt" {
            if !self.gate.allows_self().unwrap_or(false) {
                return Err(ErrorCode::HttpRequestDenied);
            }
            let mut parts = request.uri().clone().into_parts();
            parts.scheme = Some(Scheme::HTTP);
            parts.authority = Some(self.own_authority.clone());
            *request.uri_mut() =
                Uri::from_parts(parts).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
            let host = HeaderValue::from_str(self.own_authority.as_str())
                .map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
            request.headers_mut().insert(HOST, host);
            return Ok(());
        }
        let url = request.uri().to_string();
        if !self.gate.allows(&url, "https").unwrap_or(false) {
            return Err(ErrorCode::HttpRequestDenied);
        }
        Ok(())
    }

    /// Refuses a host if one of its addresses is blocked.
    async fn check_blocked(&self, uri: &Uri) -> Result<(), ErrorCode> {
        if self.blocked.is_empty() {
            return Ok(());
        }
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(80);
        let mut addresses = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| ErrorCode::DestinationNotFound)?;
        if addresses.any(|address| self.blocked.contains(address.ip())) {
            return Err(ErrorCode::DestinationIpProhibited);
        }
        Ok(())
    }
}

/// Returns the name of the component that a URI of a call between components names.
fn chained_component(uri: &Uri) -> Option<String> {
    let name = uri.host()?.strip_suffix(CHAINING_SUFFIX)?;
    (!name.contains('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_component() {
        for (uri, name) in [
            ("http://a.spin.internal/x", Some("a")),
            ("http://a.spin.internal:80/", Some("a")),
            ("http://a.b.spin.internal/", None),
            ("http://spin.internal/", None),
            ("http://a.spin.internal.test/", None),
        ] {
            assert_eq!(chained_component(&uri.parse().unwrap()).as_deref(), name, "{uri}");
        }
    }
}
