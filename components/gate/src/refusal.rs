//! Responses of the gate: problems (RFC 9457) with the codes of Tenancy.

use serde_json::json;

use crate::headers::{Headers, get_all};

/// The headers of Tenancy's response that reach a refused caller. Without the headers of CORS, a page could not read the
/// status.
const PASSED_ON: [&str; 9] = [
    "www-authenticate",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "quota-warning",
    "x-request-id",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "vary",
];

/// The response to a caller whose request does not reach the application.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The problem document.
    pub body: Vec<u8>,
}

impl Refusal {
    /// Returns a problem of the gate.
    fn new(status: u16, code: &str, title: &str, detail: &str) -> Self {
        let kind = format!("urn:tenancy:problem:{code}");
        let problem = json!({ "type": kind, "title": title, "status": status, "code": code, "detail": detail });
        Self::with(status, Vec::new(), problem.to_string().into_bytes())
    }

    fn with(status: u16, mut headers: Vec<(String, Vec<u8>)>, body: Vec<u8>) -> Self {
        let own = [("content-type", "application/problem+json"), ("cache-control", "no-store")];
        headers.extend(own.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
        Self { status, headers, body }
    }

    /// The caller cannot be verified now. `retry_after` is the header of Tenancy, in seconds.
    pub fn unavailable(retry_after: Option<u32>) -> Self {
        let detail = "The caller cannot be verified at the moment. Try again later.";
        let mut refusal = Self::new(503, "unavailable", "Service unavailable", detail);
        let seconds = retry_after.unwrap_or(5).to_string();
        refusal.headers.push(("retry-after".to_owned(), seconds.into_bytes()));
        refusal
    }

    /// A variable of the application is invalid. The log has the reason.
    pub fn misconfigured(variable: &str) -> Self {
        let detail = format!(
            "The gate of the application is misconfigured. Ask the operator to check the variable `{variable}`; the \
             log has the reason."
        );
        Self::new(503, "misconfigured", "Service misconfigured", &detail)
    }

    /// No rule matches the request.
    pub fn no_rule() -> Self {
        let detail = "No rule of the application allows this method and path.";
        Self::new(404, "route_not_found", "Route not found", detail)
    }

    /// The path has several readings.
    pub fn ambiguous_path() -> Self {
        let detail = "The path has an empty segment, a dot segment, an encoded slash, a backslash, a control character \
                      or an invalid encoding. Send it in its normal form.";
        Self::new(400, "invalid_path", "Invalid path", detail)
    }

    /// The headers that Tenancy needs are too long.
    pub fn long_headers() -> Self {
        let detail =
            "The headers that identify the caller are longer than 16 KiB. Send shorter ones.";
        Self::new(431, "headers_too_large", "Request header fields too large", detail)
    }

    /// Passes on a problem of Tenancy.
    pub fn of_tenancy(status: u16, headers: &Headers, problem: Vec<u8>) -> Self {
        let passed = PASSED_ON.iter().flat_map(|name| {
            get_all(headers, name).map(|value| ((*name).to_owned(), value.to_vec()))
        });
        Self::with(status, passed.collect(), problem)
    }
}
