//! A repeatable request.

use e2e::Call;
use http::Method;
use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: Method,
    pub path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<(&'static str, Vec<u8>)>,
}

impl Request {
    /// Creates a request for a path.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// Creates a GET request.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Creates a POST request with JSON.
    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    /// Creates a PATCH request with JSON.
    pub fn patch(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::PATCH, path).json(body)
    }

    /// Creates a PUT request with bytes.
    pub fn put(path: impl Into<String>, bytes: Vec<u8>) -> Self {
        let body = Some(("application/octet-stream", bytes));
        Self { body, ..Self::new(Method::PUT, path) }
    }

    /// Creates a DELETE request.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Adds a form body.
    pub fn form(mut self, form: String) -> Self {
        self.body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        self
    }

    /// Adds an access token, an API key or the key of the platform.
    pub fn credential(self, secret: &str) -> Self {
        self.header("authorization", format!("Bearer {secret}"))
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the method and the path.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns the call of the application at an address.
    pub fn call(&self, address: &str) -> Call {
        let mut call = Call::new(self.method.clone(), address, &self.path);
        for (name, value) in &self.headers {
            call = call.header(name, value);
        }
        match &self.body {
            Some((content_type, bytes)) => call.body(content_type, bytes.clone()),
            None => call,
        }
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", body.to_string().into_bytes()));
        self
    }
}
