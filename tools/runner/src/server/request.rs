//! One request.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use wasmtime_wasi_http::handler::{ErrorCode, ProxyHandler, Request as HandlerRequest};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode as P3ErrorCode;

use super::headers;
use crate::application::Application;
use crate::host::http as outbound;
use crate::manifest::{StaticResponse, TriggerTarget};
use crate::routes::{RouteMatch, WELL_KNOWN_PREFIX};
use crate::worker::Component;

pub(super) type Body = UnsyncBoxBody<Bytes, wasmtime::Error>;

/// Serves `request`. An error closes the connection without a response.
pub(super) async fn handle(
    application: Arc<Application>,
    mut request: Request<Incoming>,
    client: SocketAddr,
) -> Result<Response<Body>> {
    headers::strip(request.headers_mut());
    let path = request.uri().path().to_owned();
    if let Some(name) = path.strip_prefix(WELL_KNOWN_PREFIX) {
        return well_known(&application, name);
    }
    let Some(route) = application.router.find(&path) else {
        return Ok(empty(StatusCode::NOT_FOUND));
    };
    let uri = absolute_uri(request.uri().clone(), request.headers())?;
    *request.uri_mut() = uri;
    match route.target() {
        TriggerTarget::Static(response) => static_response(response),
        TriggerTarget::Component(id) => {
            let handler = application.components.get(id).context("the component does not exist")?;
            let request =
                request.map(|body| body.map_err(|error| body_error(&error)).boxed_unsync());
            match call(handler, request, &route, client).await {
                Ok(response) => Ok(response),
                Err(error) => {
                    eprintln!("component {id:?} failed: {error:#}");
                    Ok(empty(StatusCode::INTERNAL_SERVER_ERROR))
                }
            }
        }
    }
}

/// Serves a call of the component `name` by another component, also if its route is private.
pub(super) async fn chained(
    application: Arc<Application>,
    name: String,
    request: Request<outbound::Body>,
) -> Result<Response<outbound::Body>, P3ErrorCode> {
    let failed = |reason: String| P3ErrorCode::InternalError(Some(reason));
    let handler = application.components.get(&name);
    let handler = handler.ok_or_else(|| failed(format!("unknown component {name:?}")))?;
    let path = request.uri().path().to_owned();
    let route = application.chained.find(&path);
    let route = route.ok_or_else(|| failed(format!("no route for {path:?}")))?;
    let request = request.map(|body| body.map_err(ErrorCode::P3).boxed_unsync());
    // The caller has no address.
    let client = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    match call(handler, request, &route, client).await {
        Ok(response) => Ok(response
            .map(|body| body.map_err(move |error| failed(error.to_string())).boxed_unsync())),
        Err(error) => {
            eprintln!("component {name:?} failed: {error:#}");
            Err(failed(error.to_string()))
        }
    }
}

async fn call(
    handler: &ProxyHandler<Component>,
    mut request: HandlerRequest,
    route: &RouteMatch<'_>,
    client: SocketAddr,
) -> Result<Response<Body>> {
    headers::add(&mut request, route, client)?;
    Ok(handler.handle((), request).await?)
}

/// The error that a component gets if the body of its request breaks off.
fn body_error(error: &hyper::Error) -> ErrorCode {
    ErrorCode::P3(if error.is_timeout() {
        P3ErrorCode::HttpResponseTimeout
    } else {
        P3ErrorCode::HttpProtocolError
    })
}

/// Returns `uri` with its scheme and its host. The `Host` header provides the host if `uri` has none. Fails if both are
/// missing or differ.
fn absolute_uri(uri: Uri, headers: &HeaderMap) -> Result<Uri> {
    let mut parts = uri.into_parts();
    let header = headers
        .get(HOST)
        .map(|host| -> Result<Authority> { Ok(host.to_str()?.parse()?) })
        .transpose()
        .context("invalid 'Host' header")?;
    parts.authority = Some(match (header, parts.authority) {
        (None, None) => bail!("no 'Host' header"),
        (Some(header), Some(own)) if header != own => {
            bail!("the 'Host' header does not match the host of the URI")
        }
        (Some(authority), _) | (None, Some(authority)) => authority,
    });
    parts.scheme = Some(Scheme::HTTP);
    Ok(Uri::from_parts(parts)?)
}

fn well_known(application: &Application, name: &str) -> Result<Response<Body>> {
    match name {
        "health" => Ok(Response::new(full("OK"))),
        "info" => {
            let mut response = Response::new(full(application.info()?));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok(response)
        }
        _ => Ok(empty(StatusCode::NOT_FOUND)),
    }
}

fn static_response(response: &StaticResponse) -> Result<Response<Body>> {
    let mut builder = Response::builder().status(response.status_code.unwrap_or(200));
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    Ok(builder.body(full(response.body.clone().unwrap_or_default()))?)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(full(""));
    *response.status_mut() = status;
    response
}

fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(uri: &str, host: Option<&str>) -> Result<String> {
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, HeaderValue::from_bytes(host.as_bytes())?);
        }
        absolute_uri(uri.parse()?, &headers).map(|uri| uri.to_string())
    }

    #[test]
    fn host_is_named_once_or_consistently() {
        assert_eq!(uri("/a?b", Some("x:1")).unwrap(), "http://x:1/a?b");
        assert_eq!(uri("https://x:1/a", None).unwrap(), "http://x:1/a");
        assert_eq!(uri("http://x:1/a", Some("x:1")).unwrap(), "http://x:1/a");
        assert_eq!(uri("http://X/a", Some("x")).unwrap(), "http://x/a");
    }

    #[test]
    fn ambiguous_host_is_refused() {
        for (own, host) in [
            ("/", None),
            ("/", Some("")),
            ("/", Some("a b")),
            ("/", Some("ä")),
            ("http://x/", Some("y")),
            ("http://x/", Some("x:80")),
        ] {
            assert!(uri(own, host).is_err(), "{own} {host:?}");
        }
    }
}
