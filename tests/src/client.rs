//! An HTTP client that returns every response, whatever its status.

use std::time::Duration;

use http::{HeaderMap, Method, Request};
use serde_json::Value;

use crate::{
    World,
    documented::{assert_documented, assert_headers_documented},
};

/// The default timeout of a call.
const LONGEST: Duration = Duration::from_mins(1);

/// A request under construction.
#[must_use]
pub struct Call {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    connections: Option<ureq::Agent>,
}

/// Connections that are kept alive between calls.
#[derive(Clone)]
pub struct Connections(ureq::Agent);

impl Default for Connections {
    fn default() -> Self {
        Self(agent(LONGEST))
    }
}

impl Connections {
    /// Returns connections with a timeout of `longest` per call.
    pub fn with_timeout(longest: Duration) -> Self {
        Self(agent(longest))
    }
}

fn agent(longest: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(longest))
        .build()
        .into()
}

/// The response.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text. Invalid UTF-8 is replaced.
    pub text: String,
    /// The body.
    pub bytes: Vec<u8>,
    /// The method and the URL of the request.
    request: (Method, String),
}

impl Call {
    /// Starts a call of `path` at an address.
    pub fn new(method: Method, address: &str, path: &str) -> Self {
        let url = format!("http://{address}{path}");
        Self { method, url, headers: Vec::new(), body: Vec::new(), connections: None }
    }

    /// Uses one of these connections.
    pub fn over(mut self, connections: &Connections) -> Self {
        self.connections = Some(connections.0.clone());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds an access token.
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Adds `X-Tenant-Slug`.
    pub fn slug(self, slug: &str) -> Self {
        self.header("x-tenant-slug", slug)
    }

    /// Sets a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sets a body of any content type.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sends the call. Asserts that `docs/openapi.json` documents the headers of the response.
    #[track_caller]
    pub fn send(self) -> Answer {
        let answer = self.try_send().expect("a response arrives");
        let (method, url) = &answer.request;
        assert_headers_documented(method, url, answer.status, &answer.headers);
        answer
    }

    /// Sends the call. The application may stop before it responds.
    pub fn try_send(self) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(self.method.clone()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let agent = self.connections.unwrap_or_else(|| agent(LONGEST));
        let request = request.body(self.body).expect("the call is well formed");
        let mut response = agent.run(request)?;
        let bytes = response.body_mut().with_config().limit(256 << 20).read_to_vec()?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
            request: (self.method, self.url),
        })
    }
}

impl Answer {
    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// Returns the header `name`, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("not text"))
    }

    /// Asserts the status, and returns the body as JSON.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}\n{}", self.text, self.logged());
        self.json()
    }

    /// Returns the log lines of this run about the request.
    fn logged(&self) -> String {
        World::get().logged(self.header("x-request-id"))
    }

    /// Asserts that the response is a problem (RFC 9457) with this status and code, which `docs/openapi.json` documents,
    /// and returns it.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        let (method, url) = &self.request;
        assert_documented(method, url, status, code);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{member} of {problem}");
        }
        problem
    }

    /// Asserts that the response reports invalid fields, and returns their names.
    #[track_caller]
    pub fn expect_invalid(&self) -> Vec<String> {
        let problem = self.expect_problem(422, "validation_failed");
        let errors = problem["errors"].as_array().expect("errors are listed");
        errors
            .iter()
            .map(|error| {
                assert!(error["message"].is_string(), "{error}");
                error["field"].as_str().expect("a field is named").to_owned()
            })
            .collect()
    }
}
