//! The reason why a caller is refused.

use reqwest::{
    StatusCode,
    header::{self, HeaderMap, HeaderValue},
};
use serde_json::json;

/// A response to a refused caller: a problem (RFC 9457).
#[derive(Debug)]
pub struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) problem: Vec<u8>,
}

impl Refusal {
    /// Returns a problem of this application.
    pub(crate) fn new(status: StatusCode, detail: &str) -> Self {
        let code = if status == StatusCode::SERVICE_UNAVAILABLE {
            "unavailable"
        } else {
            "internal_error"
        };
        let title = status.canonical_reason();
        let kind = format!("urn:tenancy:problem:{code}");
        let problem = json!({ "type": kind, "title": title, "status": status.as_u16(), "code": code, "detail": detail });
        Self { status, headers: HeaderMap::new(), problem: problem.to_string().into_bytes() }
    }

    /// The caller cannot be verified.
    pub(crate) fn unavailable() -> Self {
        let detail = "The caller cannot be verified at the moment. Try again later.";
        let mut refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        refusal.headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        refusal
    }

    /// Passes on a problem of the service, with the headers about the next step.
    pub(crate) fn of_service(status: StatusCode, headers: &HeaderMap, problem: Vec<u8>) -> Self {
        let advice = [header::WWW_AUTHENTICATE, header::RETRY_AFTER].into_iter();
        let headers =
            advice.filter_map(|name| Some((name.clone(), headers.get(&name)?.clone()))).collect();
        Self { status, headers, problem }
    }
}
