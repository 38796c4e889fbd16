//! The application's own tables, in releases that give it database credentials.

use e2e::database::{DATABASE_CREDENTIALS, connect};
use serde_json::{Value, json};

use super::Tenant;
use crate::{
    api::{Api, expect},
    ledger::Ledger,
};

/// A tenant with a table of its application, or none.
pub struct ApplicationData(Option<Tenant>);

impl ApplicationData {
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        if !api.has(DATABASE_CREDENTIALS) {
            return Self(None);
        }
        let tenant = Tenant::create(api, ledger, "application");
        let mut owner = connect(&credential(api, &tenant, "owner")).unwrap();
        owner
            .batch_execute("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('kept')")
            .unwrap();
        Self(Some(tenant))
    }

    pub fn check(&self, api: &Api) {
        let Some(tenant) = &self.0 else { return };
        let mut reader = connect(&credential(api, tenant, "read")).unwrap();
        let text: String = reader.query_one("SELECT text FROM notes", &[]).unwrap().get(0);
        assert_eq!(text, "kept");
        reader.batch_execute("DELETE FROM notes").unwrap_err();
    }
}

/// Returns a database credential of the administrator.
fn credential(api: &Api, tenant: &Tenant, access: &str) -> Value {
    let body = json!({ "access": access });
    expect(api.post(DATABASE_CREDENTIALS, &body).token(&tenant.access_token), 201)
}
