//! Routing: from a request to the handler of its route, and from the outcome to a response.

use std::{mem, rc::Rc};

use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use platform::Platform;
use tenancy::{Context, Error, Result, admission::Arrival, background, error::InvalidSetting, log};

use super::{
    Access, Call, Endpoint, Handler, Operator, Record, Request, Response,
    addressing::{self, split_path},
    cors, ended_tenant, forwarded, problem,
    trace::Trace,
};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const QUOTA_WARNING: HeaderName = HeaderName::from_static("quota-warning");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The handlers of a path.
#[derive(Default)]
struct Methods {
    handlers: Vec<(Method, Handler)>,
    /// Set if every method is handled like GET. Returns the response to a preflight.
    any_as_get: Option<fn() -> Response>,
    path: &'static str,
}

/// The routes of a component.
#[derive(Default)]
pub struct Router {
    paths: matchit::Router<Methods>,
    registered: Vec<&'static str>,
    operators_only: bool,
    mistakes: Vec<String>,
}

impl Router {
    /// Creates the router of these endpoints. If all of them are for operators, even a path without an endpoint
    /// requires the credential of an operator.
    pub fn new(endpoints: &'static [Endpoint]) -> Self {
        let is_for_operators = |endpoint: &Endpoint| matches!(endpoint.access, Access::Operator(_));
        let operators_only = endpoints.iter().all(is_for_operators);
        let router = Self { operators_only, ..Self::default() };
        endpoints.iter().fold(router, Self::add)
    }

    fn add(mut self, endpoint: &'static Endpoint) -> Self {
        let Endpoint { method, path, preflight, handler, .. } = endpoint;
        let handler = handler(endpoint);
        // A literal path may also match an earlier path with parameters.
        if let Some(methods) = self.registered.contains(path).then(|| self.paths.at_mut(path)) {
            if let Ok(found) = methods {
                found.value.handlers.push((method.clone(), handler));
            }
            return self;
        }
        self.registered.push(path);
        let handlers = vec![(method.clone(), handler)];
        if let Err(error) =
            self.paths.insert(*path, Methods { handlers, any_as_get: *preflight, path })
        {
            self.mistakes.push(format!("{path}: {error}"));
        }
        self
    }

    /// Returns the conflicts between paths. The tests of each component check that there are none.
    pub fn check(&self) -> &[String] {
        &self.mistakes
    }

    /// Responds to a request. `context` is the context of the service, or the settings that prevent it from running.
    pub async fn answer(
        &self,
        platform: &Platform,
        context: Result<Rc<Context>, Rc<Vec<InvalidSetting>>>,
        mut request: Request,
    ) -> Response {
        let (received_at, start) = platform.clock.moment();
        let arrival = Arrival { at: received_at, micros: start };
        let request_id = request_id(platform, &request, received_at);
        let trace = Trace::of(&request.headers);
        let method = request.method.clone();
        let record = Rc::<Record>::default();
        (request.path, request.path_slug) = split_path(mem::take(&mut request.path));
        let is_preflight =
            request.method == Method::OPTIONS && cors::is_preflight(&request.headers);
        let origin = cors::Origin::of(&request.headers, is_preflight);
        let stay_on_tls = context.as_ref().ok().and_then(|context| stay_on_tls(context, &request));
        let outcome = self.route(context.clone(), request, (&request_id, arrival), &record).await;
        let outcome = match (outcome, &context) {
            (Err(error), Ok(context)) => {
                Err(ended_tenant::explain(context, record.concerned.get(), error).await)
            }
            (outcome, _) => outcome,
        };
        let mut response = match outcome {
            Ok(response) => response,
            Err(error) => {
                if let (Error::Internal(_) | Error::Unavailable { .. }, Ok(context)) =
                    (&error, &context)
                {
                    log::failure(context, &request_id, &error);
                }
                problem::answer(&error, &request_id)
            }
        };
        if let Ok(context) = &context {
            let allowed = &context.settings.allowed_origins;
            cors::allow_origin(allowed, origin, &mut response.headers);
        }
        if let Some(stay_on_tls) = stay_on_tls {
            response.headers.insert(header::STRICT_TRANSPORT_SECURITY, stay_on_tls);
        }
        finish(&mut response, &request_id);
        add_limits(&mut response, &record);
        if let Ok(context) = &context {
            let micros = platform.clock.monotonic_micros().saturating_sub(start);
            // A path without a route may be arbitrary, so it is not recorded.
            let route = record.route.get().unwrap_or("none");
            if context.counters.request((route, &method), response.status, micros) {
                background::schedule(context);
            }
            log::request(
                context,
                &log::Answered {
                    request_id: &request_id,
                    received_at,
                    trace: trace.as_ref().map(|trace| (trace.id.as_str(), trace.parent.as_str())),
                    method: &method,
                    route,
                    status: response.status,
                    micros,
                    tenant: record.tenant.get(),
                    principal: record.principal.get(),
                },
            );
        }
        response
    }

    async fn route(
        &self,
        context: Result<Rc<Context>, Rc<Vec<InvalidSetting>>>,
        request: Request,
        (request_id, arrival): (&str, Arrival),
        record: &Rc<Record>,
    ) -> Result<Response> {
        let found = self.paths.at(&request.path).ok();
        record.route.set(found.as_ref().map(|found| found.value.path));
        if let Ok(context) = &context {
            forwarded::client(&request, &context.settings.trusted_proxies)?;
        }
        let of_gateway = found.as_ref().and_then(|found| found.value.any_as_get);
        if let Some(preflight) = of_gateway
            && is_bare_preflight(&request)
        {
            return Ok(preflight());
        }
        // A gateway treats 204 as permission, so its requests other than preflights need a credential.
        if request.method == Method::OPTIONS && of_gateway.is_none() {
            let allow = found.map(|found| allow(found.value)).ok_or(Error::RouteNotFound)?;
            let allow = HeaderValue::from_str(&allow).map_err(Error::internal)?;
            return Ok(Response::empty(StatusCode::NO_CONTENT).with_header(header::ALLOW, allow));
        }
        let found = find(found, &request.method);
        let call = |request, parameters| {
            let (request_id, record) = (request_id.to_owned(), Rc::clone(record));
            Call { context, request, parameters, request_id, arrival, record }
        };
        match found {
            Ok((handler, parameters)) => handler(call(request, parameters)).await,
            Err(error) => {
                // A caller without a credential must not learn which routes exist.
                if self.operators_only {
                    let call = call(request, Vec::new());
                    Operator::authenticate(call.context()?, call).await?;
                }
                Err(error)
            }
        }
    }
}

/// Returns the handler for a method, with the parameters of the path.
fn find<'a>(
    found: Option<matchit::Match<'a, '_, &'a Methods>>,
    method: &Method,
) -> Result<(&'a Handler, Vec<(String, String)>)> {
    let found = found.ok_or(Error::RouteNotFound)?;
    let Methods { handlers, any_as_get, .. } = found.value;
    let of = |wanted: &Method| {
        handlers.iter().find(|(own, _)| own == wanted).map(|(_, handler)| handler)
    };
    let handler = of(method)
        // HEAD is handled like GET. The host omits the body.
        .or_else(|| (any_as_get.is_some() || method == Method::HEAD).then(|| of(&Method::GET))?)
        .ok_or_else(|| Error::MethodNotAllowed { allow: allow(found.value) })?;
    let parameters =
        found.params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok((handler, parameters))
}

/// Returns the value of `Allow` (RFC 9110, section 10.2.1).
fn allow(methods: &Methods) -> String {
    let mut names: Vec<_> = methods.handlers.iter().map(|(method, _)| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.join(", ")
}

/// Returns the caller's request id if it is valid, or a new one.
fn request_id(platform: &Platform, request: &Request, now: DateTime<Utc>) -> String {
    let sound = |id: &&str| {
        (1..=128).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    let given = request.headers.text("x-request-id").filter(sound);
    match given {
        Some(id) => id.to_owned(),
        None => platform.random.uuid(now).to_string(),
    }
}

/// Returns whether a request is a preflight as browsers send it. It has no credential and no method override, because
/// the service behind a gateway might use the override.
fn is_bare_preflight(request: &Request) -> bool {
    const OTHERS: [&str; 5] = [
        "authorization",
        "x-api-key",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
    ];
    request.method == Method::OPTIONS
        && cors::is_preflight(&request.headers)
        && OTHERS.iter().all(|name| request.headers.get(name).is_none())
}

/// Returns the value of `Strict-Transport-Security` if a trusted proxy reports that the client connected over TLS.
/// Subdomains are included only below `BASE_DOMAIN`. Subdomains of a customer's domain may belong to others and may not
/// support TLS.
fn stay_on_tls(context: &Context, request: &Request) -> Option<HeaderValue> {
    let settings = &context.settings;
    if !forwarded::is_over_tls(request, &settings.trusted_proxies) {
        return None;
    }
    let is_below = |host: &str, base: &str| {
        host.strip_suffix(base).is_some_and(|label| label.is_empty() || label.ends_with('.'))
    };
    let host = addressing::host(request, settings).ok().flatten();
    let is_ours = match (&host, &settings.base_domain) {
        (Some(host), Some(base)) => is_below(host, base.as_str()),
        _ => false,
    };
    Some(HeaderValue::from_static(if is_ours {
        "max-age=31536000; includeSubDomains"
    } else {
        "max-age=31536000"
    }))
}

/// Adds the headers with the caller's limits (draft-ietf-httpapi-ratelimit-headers-10) and the quota warning.
fn add_limits(response: &mut Response, record: &Record) {
    let meter = record.meter.borrow();
    for (name, value) in [
        (RATE_LIMIT_POLICY, meter.policy()),
        (RATE_LIMIT, meter.remaining()),
        (QUOTA_WARNING, record.warning()),
    ] {
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
            response.headers.insert(name, value);
        }
    }
}

fn finish(response: &mut Response, request_id: &str) {
    let headers = &mut response.headers;
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert_if_absent(name, HeaderValue::from_static(value));
    }
}
