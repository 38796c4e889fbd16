//! Operator keys for tests.

use http::Method;
use serde_json::{Value, json};

use crate::{Call, World, unique};

/// An operator key of a test. It is revoked when it is dropped: there is a maximum for all tests together.
pub struct TestOperatorKey {
    /// The id.
    pub id: String,
    /// The key itself.
    pub text: String,
    /// The response to the creation.
    pub created: Value,
}

impl World {
    /// A new operator key with these scopes.
    pub fn operator_key(&self, scopes: &[&str]) -> TestOperatorKey {
        self.operator_key_with(&json!({ "scopes": scopes }))
    }

    /// A new operator key with these fields, and with a name of its own if they have none.
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
    /// A call with this key.
    pub fn call(&self, method: Method, path: &str) -> Call {
        World::get().call(method, path).token(&self.text)
    }

    /// The path of this key.
    pub fn path(&self) -> String {
        format!("/admin/operator-keys/{}", self.id)
    }
}

impl Drop for TestOperatorKey {
    fn drop(&mut self) {
        // It may be revoked already, and a test that fails is not to fail twice.
        drop(World::get().admin(Method::DELETE, &self.path()).try_send());
    }
}
