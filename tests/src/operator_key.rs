//! Operator keys for tests.

use http::Method;
use serde_json::{Value, json};

use crate::{Call, World, unique};

/// An operator key of a test. It is revoked on drop, because all tests together share a maximum number of keys.
pub struct TestOperatorKey {
    /// The id.
    pub id: String,
    /// The key itself.
    pub text: String,
    /// The response to the creation.
    pub created: Value,
}

impl World {
    /// Creates an operator key with these scopes.
    pub fn operator_key(&self, scopes: &[&str]) -> TestOperatorKey {
        self.operator_key_with(&json!({ "scopes": scopes }))
    }

    /// Creates an operator key with these fields, and with a unique name if they contain none.
    pub fn operator_key_with(&self, fields: &Value) -> TestOperatorKey {
        let mut body = json!({ "name": unique("key") });
        for (name, value) in fields.as_object().expect("fields are an object") {
            body[name] = value.clone();
        }
        let created = self.admin_post("/admin/operator-keys", &body).send().expect(201);
        let text = |name: &str| created[name].as_str().expect("a new key is shown").to_owned();
        TestOperatorKey { id: text("id"), text: text("operator_key"), created }
    }
}

impl TestOperatorKey {
    /// Starts a call with this key.
    pub fn call(&self, method: Method, path: &str) -> Call {
        World::get().call(method, path).token(&self.text)
    }

    /// Returns the path of this key.
    pub fn path(&self) -> String {
        format!("/admin/operator-keys/{}", self.id)
    }
}

impl Drop for TestOperatorKey {
    fn drop(&mut self) {
        // The key may already be revoked, and a failing test must not panic twice.
        drop(World::get().admin(Method::DELETE, &self.path()).try_send());
    }
}
