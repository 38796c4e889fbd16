//! Outbound HTTP.

use std::time::Duration;

use async_trait::async_trait;

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// `GET`. The request has no body.
    Get,
    /// `POST`.
    Post,
}

/// A request to another server. Redirects are not followed. Its headers may contain a token, so it has no `Debug`.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The origin: `https://api.example.com`.
    pub origin: String,
    /// The path and the query.
    pub target: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which is empty for `GET`.
    pub body: Vec<u8>,
    /// The time limit of the whole call.
    pub deadline: Duration,
    /// The maximum length of the body of the response. With 0, the body is not read.
    pub most: usize,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, or `None` if it is incomplete or longer than the request allows.
    pub body: Option<Vec<u8>>,
}

impl HttpResponse {
    /// Returns the value of a header that occurs once, as visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let (_, value) = values.next().filter(|_| values.next().is_none())?;
        let is_visible = value.iter().all(|byte| (b' '..=b'~').contains(byte));
        std::str::from_utf8(value).ok().filter(|_| is_visible)
    }
}

/// The failure of a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The server certainly did not receive the request.
    #[error("the request was not sent: {0}")]
    NotSent(String),
    /// The server may have received the request.
    #[error("the request has no answer: {0}")]
    NoAnswer(String),
}

/// Calls of other servers.
#[async_trait(?Send)]
pub trait Http {
    /// Sends a request, and returns the response.
    ///
    /// # Errors
    /// [`HttpError`], also if the call takes longer than its deadline.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// Sends nothing: for components and programs that call no other server.
pub struct NoHttp;

#[async_trait(?Send)]
impl Http for NoHttp {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        Err(HttpError::NotSent(format!("{} must not be called from here", request.origin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_occurs_once() {
        let pair = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let headers =
            vec![pair("a", b"1"), pair("a", b"1"), pair("b", b"\xff"), pair("Retry-After", b"30")];
        let response = HttpResponse { status: 200, headers, body: None };
        assert_eq!(["a", "b", "c"].map(|name| response.header(name)), [None, None, None]);
        assert_eq!(response.header("retry-after"), Some("30"));
    }
}
