//! A PostgreSQL client whose statements never take effect: it runs them in a transaction for each database, and never
//! commits one.

use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};

use async_trait::async_trait;
use futures::lock::Mutex;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::sql::{NativeSql, failure, parameters_of, rows_of, unavailable};
use crate::{
    Sql,
    sql::{Connection, Row, SqlError, Value},
};

/// The begin of each transaction. A dry run must not block the service for longer than a moment.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '3s'";

/// A PostgreSQL client for dry runs. All connections to a database share one transaction, so that each statement sees the
/// changes of the earlier ones. [`RolledBackSql::roll_back`] or the end of the program rolls the transactions back.
pub struct RolledBackSql {
    sql: NativeSql,
    sessions: RefCell<HashMap<String, Rc<Mutex<Client>>>>,
}

impl RolledBackSql {
    /// Creates the client on the connections of another one.
    pub fn new(sql: NativeSql) -> Self {
        Self { sql, sessions: RefCell::default() }
    }

    /// Rolls back the statements so far.
    ///
    /// # Errors
    /// [`SqlError::Unavailable`] if a connection broke.
    pub async fn roll_back(&self) -> Result<(), SqlError> {
        let sessions: Vec<_> = self.sessions.borrow().values().map(Rc::clone).collect();
        for session in sessions {
            let begin = format!("ROLLBACK; {BEGIN}");
            let client = session.lock().await;
            client.batch_execute(&begin).await.map_err(|error| failure(&error))?;
        }
        Ok(())
    }

    async fn session(&self, address: &str) -> Result<Rc<Mutex<Client>>, SqlError> {
        if let Some(session) = self.sessions.borrow().get(address) {
            return Ok(Rc::clone(session));
        }
        let client = self.sql.session(address).await?;
        client.batch_execute(BEGIN).await.map_err(|error| failure(&error))?;
        let session = Rc::new(Mutex::new(client));
        self.sessions.borrow_mut().insert(address.to_owned(), Rc::clone(&session));
        Ok(session)
    }
}

#[async_trait(?Send)]
impl Sql for RolledBackSql {
    async fn connect(
        &self,
        address: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Connection>, SqlError> {
        Ok(Box::new(RolledBackConnection { session: self.session(address).await?, deadline }))
    }
}

struct RolledBackConnection {
    session: Rc<Mutex<Client>>,
    deadline: Duration,
}

impl RolledBackConnection {
    /// Runs a statement. A refused statement is undone and leaves the transaction usable.
    async fn run<T>(
        &self,
        statement: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, SqlError> {
        let client = self.session.lock().await;
        let run = async {
            client.batch_execute("SAVEPOINT statement").await?;
            let outcome = statement(&client).await;
            let end = match outcome {
                Ok(_) => "RELEASE SAVEPOINT statement",
                Err(_) => "ROLLBACK TO SAVEPOINT statement; RELEASE SAVEPOINT statement",
            };
            client.batch_execute(end).await?;
            outcome
        };
        timeout(self.deadline, run).await.map_err(unavailable)?.map_err(|error| failure(&error))
    }
}

#[async_trait(?Send)]
impl Connection for RolledBackConnection {
    async fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        let parameters = parameters_of(parameters);
        let rows = self.run(async |client| client.query(statement, &parameters).await).await?;
        Ok(rows_of(&rows))
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let parameters = parameters_of(parameters);
        self.run(async |client| client.execute(statement, &parameters).await).await
    }
}
