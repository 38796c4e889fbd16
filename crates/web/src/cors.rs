//! Cross-origin requests (WHATWG Fetch): only the exact origins in `ALLOWED_ORIGINS`, never `*`.

use http::{HeaderName, HeaderValue, header};

use super::{Headers, headers::ResponseHeaders};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// The request headers that are allowed if a preflight lists none.
const REQUEST_HEADERS: &str = "accept, accept-language, authorization, baggage, cache-control, content-language, \
     content-type, idempotency-key, if-match, if-modified-since, if-none-match, if-range, \
     if-unmodified-since, pragma, prefer, range, traceparent, tracestate, x-admin-api-key, \
     x-admin-key, x-api-key, x-correlation-id, x-request-id, x-requested-with, x-tenant-slug";
const EXPOSED_HEADERS: &str = "accept-encoding, accept-ranges, allow, content-range, etag, idempotency-replayed, \
     last-modified, location, quota-warning, ratelimit, ratelimit-policy, retry-after, \
     takes-effect-by, www-authenticate, x-api-key-id, x-cache-ttl, x-request-id, x-scopes, \
     x-tenant-id, x-tenant-slug, x-user-id, x-user-role";
/// The maximum length of `Access-Control-Request-Headers` that is evaluated, in bytes.
const MOST_NAMES: usize = 4_096;
/// The prefixes of header names that only proxies and the host may set.
const OF_PROXIES: [&str; 4] = ["forwarded", "x-forwarded-", "x-real-ip", "spin-"];

/// The request headers that determine the cross-origin response headers.
pub(super) struct Origin {
    origin: Option<HeaderValue>,
    /// The value of `Access-Control-Allow-Headers`, if this is a preflight.
    allowed_headers: Option<HeaderValue>,
}

impl Origin {
    /// Reads the headers of a request. `is_preflight` is the result of [`is_preflight`].
    pub(super) fn of(headers: &Headers, is_preflight: bool) -> Self {
        let origin = headers.get("origin");
        Self {
            origin: origin.and_then(|origin| HeaderValue::from_bytes(origin).ok()),
            allowed_headers: is_preflight.then(|| allowed_headers(headers)),
        }
    }
}

/// Returns whether an OPTIONS request with these headers is a preflight.
pub(super) fn is_preflight(headers: &Headers) -> bool {
    headers.get("origin").is_some() && headers.get("access-control-request-method").is_some()
}

/// Returns the headers that a preflight allows, which are the headers that it requests. Access depends on the origin,
/// and a fixed list would lack the headers of new tracing libraries.
fn allowed_headers(headers: &Headers) -> HeaderValue {
    let names: Vec<_> = headers.members("access-control-request-headers").collect();
    let is_allowed = |name: &&str| {
        let name = name.to_ascii_lowercase();
        HeaderName::from_bytes(name.as_bytes()).is_ok()
            && !OF_PROXIES.iter().any(|prefix| name.starts_with(prefix))
    };
    let length: usize = names.iter().map(|name| name.len() + 2).sum();
    let allowed: Vec<_> = names.into_iter().filter(is_allowed).collect();
    if allowed.is_empty() || length > MOST_NAMES {
        return HeaderValue::from_static(REQUEST_HEADERS);
    }
    HeaderValue::from_str(&allowed.join(", ")).unwrap_or(HeaderValue::from_static(REQUEST_HEADERS))
}

/// Allows the origin of a request to read the response, if it is one of `allowed`.
pub(super) fn allow_origin(allowed: &[String], request: Origin, answer: &mut ResponseHeaders) {
    let Origin { origin, allowed_headers } = request;
    // The response depends on the origin even if it is not allowed.
    let vary =
        if allowed_headers.is_some() { "origin, access-control-request-headers" } else { "origin" };
    answer.append(header::VARY, HeaderValue::from_static(vary));
    let Some(origin) = origin else { return };
    if !allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return;
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    match allowed_headers {
        Some(names) => {
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
            answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
        None => answer.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED_HEADERS),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S33
    #[test]
    fn preflight_allows_the_requested_headers() {
        let allowed = |lines: &[&str]| {
            let name = "access-control-request-headers";
            let lines = lines.iter().map(|line| (name.to_owned(), line.as_bytes().to_vec()));
            let allowed = allowed_headers(&Headers::from(lines.collect::<Vec<_>>()));
            allowed.to_str().unwrap().to_owned()
        };
        assert_eq!(allowed(&["baggage,x-b3-traceid"]), "baggage, x-b3-traceid");
        assert_eq!(
            allowed(&["Sentry-Trace", "x-datadog-origin"]),
            "Sentry-Trace, x-datadog-origin"
        );
        assert_eq!(allowed(&["x-tenant-slug, X-Forwarded-For, spin-client-addr"]), "x-tenant-slug");
        assert_eq!(allowed(&["a b, c"]), "c");
        for unnamed in [&[][..], &[""], &["x-forwarded-host"], &["x".repeat(5_000).as_str()]] {
            assert_eq!(allowed(unnamed), REQUEST_HEADERS);
        }
    }
}
