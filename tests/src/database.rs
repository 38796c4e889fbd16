//! Database credentials of a tenant's application, and locks.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use postgres::{Client, GenericClient, NoTls};
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

/// Waits until another session of the same database waits for a lock of a table.
pub fn wait_for_lock(session: &mut impl GenericClient, table: &str) {
    let waiting = "SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                   WHERE NOT l.granted AND d.datname = current_database() AND l.relation = $1::text::regclass";
    let begin = Instant::now();
    while session.query(waiting, &[&table]).expect("the locks are readable").is_empty() {
        assert!(begin.elapsed().as_secs() < 60, "a statement waits for {table}");
        sleep(Duration::from_millis(5));
    }
}
