//! Outbound HTTP, from WASI 0.3.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join;
use platform::{Http, HttpError, HttpMethod, HttpRequest, HttpResponse};
use spin_sdk::{
    wasip3::{
        http::{
            client,
            types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme},
        },
        wit_future, wit_stream,
    },
    wit_bindgen::{FutureReader, StreamReader, StreamResult},
};

use crate::deadline::within;

/// The number of bytes that a read of a body requests.
const PIECE: usize = 16 * 1024;

/// The time limit of a connection. It is shorter than the deadline of a call, so that the failure to connect is known
/// as such: the server certainly did not receive the request.
const CONNECT: Duration = Duration::from_secs(3);

/// Calls of other servers, which `allowed_outbound_hosts` of the component must contain.
pub(super) struct SpinHttp;

#[async_trait(?Send)]
impl Http for SpinHttp {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let deadline = request.deadline;
        let too_slow = || HttpError::NoAnswer("it takes longer than its deadline".to_owned());
        within(deadline, call(request)).await.ok_or_else(too_slow)?
    }
}

async fn call(request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let HttpRequest { method, origin, target, headers, body, deadline, most } = request;
    let head = Head { method, origin: &origin, target: &target, headers };
    let (mut writer, reader) = wit_stream::new();
    let sent = head
        .into_request(body.len(), reader, deadline)
        .ok_or_else(|| HttpError::NotSent("the host does not accept it".to_owned()))?;
    let write = async move {
        // If the server does not read the whole body, its response has the reason.
        writer.write_all(body).await;
        drop(writer);
    };
    let (response, ()) = join(client::send(sent), write).await;
    let response = response.map_err(|error| failure(&error))?;
    let (status, headers) = (response.get_status_code(), response.get_headers().copy_all());
    let (_done, is_done) = wit_future::new(|| Ok(()));
    let body = if most == 0 {
        None
    } else {
        read_body(Response::consume_body(response, is_done), most).await
    };
    Ok(HttpResponse { status, headers, body })
}

/// The parts of a request before its body.
struct Head<'a> {
    method: HttpMethod,
    origin: &'a str,
    target: &'a str,
    headers: Vec<(&'static str, String)>,
}

impl Head<'_> {
    /// Returns the request, or nothing if the host does not accept a part of it.
    fn into_request(
        self,
        length: usize,
        body: StreamReader<u8>,
        deadline: Duration,
    ) -> Option<Request> {
        let (scheme, authority) = self.origin.split_once("://")?;
        let scheme = match scheme {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let nanos = u64::try_from(deadline.as_nanos()).ok()?;
        let options = RequestOptions::new();
        let connect = u64::try_from(CONNECT.min(deadline).as_nanos()).ok()?;
        options.set_connect_timeout(Some(connect)).ok()?;
        options.set_first_byte_timeout(Some(nanos)).ok()?;
        options.set_between_bytes_timeout(Some(nanos)).ok()?;
        let mut headers: Vec<(String, Vec<u8>)> = self
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect();
        let (method, body) = match self.method {
            HttpMethod::Get => (Method::Get, None),
            HttpMethod::Post => (Method::Post, Some(body)),
        };
        if body.is_some() {
            headers.push(("content-length".to_owned(), length.to_string().into_bytes()));
        }
        let headers = Fields::from_list(&headers).ok()?;
        let (_, trailers) = wit_future::new(|| Ok(None));
        let (request, _sent) = Request::new(headers, body, trailers, Some(options));
        request.set_method(&method).ok()?;
        request.set_scheme(Some(&scheme)).ok()?;
        request.set_authority(Some(authority)).ok()?;
        request.set_path_with_query(Some(self.target)).ok()?;
        Some(request)
    }
}

/// Reads a body, which the host has divided into its bytes and its trailers. Returns nothing if it is incomplete or longer
/// than `most`.
pub async fn read_body(
    (mut bytes, trailers): (StreamReader<u8>, FutureReader<Result<Option<Fields>, ErrorCode>>),
    most: usize,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (read, piece) = bytes.read(Vec::with_capacity(PIECE)).await;
        body.extend_from_slice(&piece);
        if body.len() > most {
            return None;
        }
        if !matches!(read, StreamResult::Complete(_)) {
            // The end of the stream is the end of the body only if the trailers confirm it.
            return trailers.await.ok().map(|_| body);
        }
    }
}

fn failure(error: &ErrorCode) -> HttpError {
    let reason = error.to_string();
    match error {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsProtocolError
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestUriInvalid => HttpError::NotSent(reason),
        _ => HttpError::NoAnswer(reason),
    }
}
