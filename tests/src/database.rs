//! Database credentials of a tenant's application.

use postgres::{Client, NoTls};
use serde_json::{Value, json};

use crate::{Answer, TestTenant};

/// The path of database credentials.
pub const DATABASE_CREDENTIALS: &str = "/api/v1/tenant/database/credentials";

impl TestTenant {
    /// Asks for a database credential.
    pub fn ask_for_database(&self, token: &str, body: &Value) -> Answer {
        self.post(DATABASE_CREDENTIALS, body).token(token).send()
    }

    /// Returns a database credential of the administrator.
    pub fn database_credential(&self, access: &str) -> Value {
        let body = json!({ "access": access, "connections": 2 });
        self.ask_for_database(&self.admin.access_token, &body).expect(201)
    }
}

/// Connects with a database credential.
pub fn connect(credential: &Value) -> Result<Client, postgres::Error> {
    Client::connect(credential["url"].as_str().expect("a credential has a URL"), NoTls)
}
