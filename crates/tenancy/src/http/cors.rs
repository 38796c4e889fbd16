//! Cross-origin requests (WHATWG Fetch): exact origins of `ALLOWED_ORIGINS`, never `*`.

use http::{HeaderValue, header};

use super::headers::ResponseHeaders;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, if-range, range, \
     traceparent, tracestate, x-admin-api-key, x-admin-key, x-api-key, x-request-id, \
     x-tenant-slug";
const EXPOSED_HEADERS: &str = "content-range, etag, idempotency-replayed, location, quota-warning, \
     ratelimit, ratelimit-policy, retry-after, www-authenticate, x-cache-ttl, \
     x-request-id";

/// Lets the origin of a request read the answer, if it is one of `allowed`.
pub(super) fn allow_origin(
    allowed: &[String],
    origin: Option<HeaderValue>,
    answer: &mut ResponseHeaders,
    is_preflight: bool,
) {
    // The answer depends on the origin even where that is not allowed.
    answer.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin else { return };
    if !allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()) {
        return;
    }
    answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let fixed: &[_] = if is_preflight {
        &[
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ]
    } else {
        &[(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS)]
    };
    for (name, value) in fixed {
        answer.insert(name.clone(), HeaderValue::from_static(value));
    }
}
