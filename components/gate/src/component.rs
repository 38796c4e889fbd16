//! The connection of the gate with the Spin host.

use std::{cell::OnceCell, future::poll_fn, io::Write as _, rc::Rc, task::Poll, time::Instant};

use serde_json::json;
use spin_sdk::{
    http::next,
    variables::{self, Error as VariableError},
    wasip3::{
        self,
        http::{
            client,
            types::{ErrorCode, Fields, Method, Request, RequestOptions, Response, Scheme},
        },
        spawn, wit_future, wit_stream,
    },
    wit_bindgen::StreamResult,
};

use crate::{
    decision::{self, Check, Plan},
    headers::forged,
    refusal::Refusal,
    settings::{self, Invalid, Settings},
    verification::{self, Denied, Identity, LONGEST, failed},
};

/// The time limit for each step of a verification: to connect, to the first byte, and between two bytes.
const STEP_NANOS: u64 = 2_000_000_000;
/// The time after which a verification reads no further part of the response.
const MOST_SECONDS: u64 = 2;
/// The number of bytes that a read of a body requests.
const PIECE: usize = 4 * 1024;

struct Component;

wasip3::http::service::export!(Component with_types_in wasip3);

thread_local! {
    /// The configuration of the instance, once it is valid. It cannot change while Spin runs the application.
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

impl wasip3::exports::http::handler::Guest for Component {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match admit(&request).await {
            Ok(admitted) => forward(request, admitted).await,
            Err(Denied { refusal, log }) => {
                if let Some(reason) = log {
                    report(&reason);
                }
                respond(refusal).await
            }
        }
    }
}

/// Returns the changes of the headers, if a rule allows the request. A public route has no identity.
async fn admit(request: &Request) -> Result<Admitted, Denied> {
    let settings = settings().await.map_err(|Invalid { variable, reason }| Denied {
        refusal: Refusal::misconfigured(variable),
        log: Some(format!(
            "The variable `{variable}` is invalid: {reason}; refusing all requests."
        )),
    })?;
    let headers = request.get_headers().copy_all();
    let (method, authority) = (name(request.get_method()), request.get_authority());
    let target = request.get_path_with_query().unwrap_or_default();
    let host = || crate::headers::single(&headers, "host");
    let head = decision::Request {
        method: &method,
        target: &target,
        authority: authority.as_deref().or_else(host),
        headers: &headers,
    };
    let identity = match decision::plan(&settings, head) {
        Plan::Forward => Vec::new(),
        Plan::Refuse(refusal) => return Err(Denied { refusal, log: None }),
        Plan::Verify(check) => verify(&settings, &check).await?,
    };
    Ok(Admitted { forged: forged(&headers).map(str::to_owned).collect(), identity })
}

/// The changes of the headers of an admitted request.
struct Admitted {
    /// The headers to remove.
    forged: Vec<String>,
    /// The headers to add.
    identity: Identity,
}

/// Returns the configuration. The first request of an instance reads it.
async fn settings() -> Result<Rc<Settings>, Invalid> {
    if let Some(known) = SETTINGS.with(|settings| settings.get().map(Rc::clone)) {
        return Ok(known);
    }
    let (url, routes, key) = (
        read(settings::URL).await?,
        read(settings::ROUTES).await?,
        read(settings::GATEWAY_KEY).await?,
    );
    let read = Rc::new(Settings::parse(url.as_deref(), routes.as_deref(), key.as_deref())?);
    Ok(SETTINGS.with(|settings| Rc::clone(settings.get_or_init(|| read))))
}

async fn read(variable: &'static str) -> Result<Option<String>, Invalid> {
    match variables::get(variable).await {
        Ok(value) => Ok(Some(value)),
        Err(VariableError::Undefined(_)) => Ok(None),
        Err(error) => Err(Invalid { variable, reason: format!("cannot be read: {error}") }),
    }
}

/// Asks Tenancy about the caller with one HTTP request.
async fn verify(settings: &Settings, check: &Check<'_>) -> Result<Identity, Denied> {
    let begin = Instant::now();
    let request = question(settings, check)
        .ok_or_else(|| failed("The request to Tenancy is invalid; refusing the request."))?;
    let response = client::send(request).await.map_err(|error| {
        failed(&format!(
            "Tenancy is unavailable ({error}); refusing the request. Check `tenancy_url` and \
             `allowed_outbound_hosts`."
        ))
    })?;
    let (status, headers) = (response.get_status_code(), response.get_headers().copy_all());
    // The headers have the whole identity. To read the body as well would take several turns of the host's event loop.
    let body = if status == 200 {
        Vec::new()
    } else {
        read_body(response, begin).await.ok_or_else(|| {
            failed("The response of Tenancy is incomplete, too long or too slow; refusing the request.")
        })?
    };
    verification::evaluate(check.scopes, status, &headers, body)
}

/// Returns the request to Tenancy, or nothing if the host does not accept a part of it.
fn question(settings: &Settings, check: &Check<'_>) -> Option<Request> {
    let options = RequestOptions::new();
    options.set_connect_timeout(Some(STEP_NANOS)).ok()?;
    options.set_first_byte_timeout(Some(STEP_NANOS)).ok()?;
    options.set_between_bytes_timeout(Some(STEP_NANOS)).ok()?;
    let headers = Fields::from_list(&check.headers).ok()?;
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(headers, None, trailers, Some(options));
    let scheme = if settings.is_https { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).ok()?;
    request.set_authority(Some(&settings.authority)).ok()?;
    request.set_path_with_query(Some(&check.target)).ok()?;
    Some(request)
}

/// Reads the whole body of a response. Returns nothing if it is incomplete, too long or too slow.
async fn read_body(response: Response, begin: Instant) -> Option<Vec<u8>> {
    let (_done, is_done) = wit_future::new(|| Ok(()));
    let (mut bytes, trailers) = Response::consume_body(response, is_done);
    let mut body = Vec::new();
    loop {
        let (read, piece) = bytes.read(Vec::with_capacity(PIECE)).await;
        body.extend_from_slice(&piece);
        if !matches!(read, StreamResult::Complete(_)) {
            // The end of the stream is the end of the body only if the trailers confirm it.
            return trailers.await.ok().map(|_| body);
        }
        if body.len() > LONGEST || begin.elapsed().as_secs() >= MOST_SECONDS {
            return None;
        }
    }
}

/// Passes a request on to the application, and its response back. The host moves both bodies without the gate.
async fn forward(request: Request, admitted: Admitted) -> Result<Response, ErrorCode> {
    let Admitted { forged, identity } = admitted;
    let request = if forged.is_empty() && identity.is_empty() {
        request
    } else {
        let headers = request.get_headers().clone();
        let changed = (|| {
            for name in &forged {
                headers.delete(name)?;
            }
            identity
                .iter()
                .try_for_each(|(name, value)| headers.set(name, &[value.as_bytes().to_vec()]))
        })();
        changed.map_err(|error| internal(&error.to_string()))?;
        rebuilt(request, headers)?
    };
    let answer = next(request).await?;
    let response = answer.into_body().take_unstarted();
    response.ok_or_else(|| internal("the response of the application is gone"))
}

/// Returns the same request with other headers.
fn rebuilt(request: Request, headers: Fields) -> Result<Request, ErrorCode> {
    let (method, options) = (request.get_method(), request.get_options());
    let (scheme, authority) = (request.get_scheme(), request.get_authority());
    let target = request.get_path_with_query();
    let (_, is_done) = wit_future::new(|| Ok(()));
    let (body, trailers) = Request::consume_body(request, is_done);
    let (request, _sent) = Request::new(headers, Some(body), trailers, options);
    let set = request
        .set_method(&method)
        .and_then(|()| request.set_scheme(scheme.as_ref()))
        .and_then(|()| request.set_authority(authority.as_deref()))
        .and_then(|()| request.set_path_with_query(target.as_deref()));
    set.map(|()| request).map_err(|()| internal("the request cannot be passed on"))
}

/// Responds to a refused caller. The body is being written before the host reads the header, so both leave in one
/// segment.
async fn respond(Refusal { status, mut headers, body }: Refusal) -> Result<Response, ErrorCode> {
    headers.push(("content-length".to_owned(), body.len().to_string().into_bytes()));
    let fields = Fields::from_list(&headers).map_err(|error| internal(&error.to_string()))?;
    let (trailers, trailers_reader) = wit_future::new(|| Ok(None));
    let (mut writer, reader) = wit_stream::new();
    let (response, _sent) = Response::new(fields, Some(reader), trailers_reader);
    response.set_status_code(status).map_err(|()| internal("invalid status"))?;
    let mut writing = Box::pin(async move {
        writer.write_all(body).await;
        drop(writer);
        // The client may have disconnected, which is not an error.
        let _ = trailers.write(Ok(None)).await;
    });
    let is_written =
        poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_ready())).await;
    if !is_written {
        spawn(writing);
    }
    Ok(response)
}

fn internal(reason: &str) -> ErrorCode {
    ErrorCode::InternalError(Some(reason.to_owned()))
}

fn name(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

/// Writes a line to the log of the application.
fn report(reason: &str) {
    let line = json!({ "level": "ERROR", "component": "gate", "message": reason });
    // A log that cannot be written must not stop the service.
    let _ = writeln!(std::io::stderr(), "{line}");
}
