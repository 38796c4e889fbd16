//! Calls of an instance of either release.

use e2e::Call;
use http::Method;
use serde_json::Value;

/// The interface of an instance.
#[derive(Clone)]
pub struct Api {
    pub address: String,
    pub admin_key: String,
}

impl Api {
    /// Starts a call.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, &self.address, path)
    }

    /// Starts a GET request.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// Starts a POST request with a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// Starts a call of the operator.
    pub fn operator(&self, method: Method, path: &str) -> Call {
        self.call(method, path).token(&self.admin_key)
    }

    /// Returns whether the instance has a path of the OpenAPI document.
    pub fn has(&self, path: &str) -> bool {
        expect(self.get("/openapi.json"), 200)["paths"].get(path).is_some()
    }
}

/// Sends a call, asserts the status, and returns the body as JSON, or null if it is empty.
#[track_caller]
pub fn expect(call: Call, status: u16) -> Value {
    let answer = call.try_send().expect("a response arrives");
    assert_eq!(answer.status, status, "{}", answer.text);
    if answer.text.is_empty() { Value::Null } else { answer.json() }
}

/// Sends a call, and asserts that it is refused with this status and code.
#[track_caller]
pub fn refused(call: Call, status: u16, code: &str) {
    let problem = expect(call, status);
    assert_eq!(problem["code"], code, "{problem}");
}

/// Returns a member that is text.
#[track_caller]
pub fn text(value: &Value, member: &str) -> String {
    let text = value[member].as_str();
    text.unwrap_or_else(|| panic!("{member} is text: {value}")).to_owned()
}
