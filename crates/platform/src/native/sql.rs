//! The PostgreSQL client of a native program. Connections are not pooled.

use std::{
    cell::RefCell, collections::HashMap, error::Error as _, path::PathBuf, rc::Rc, time::Duration,
};

use async_trait::async_trait;
use chrono::NaiveDateTime;
use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Client,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use uuid::Uuid;

use super::tls::{Target, TlsError};
use crate::{
    Sql,
    sql::{CONNECT_DEADLINE, Connection, Row, SqlError, Value},
};

/// The wait before another attempt to connect to a server without free connections.
const NEXT_TRY: Duration = Duration::from_millis(100);

/// A PostgreSQL client. It uses TLS as the URL's `sslmode` says ([`check_postgres`](super::check_postgres)), and trusts
/// the certificates in the URL's `sslrootcert`, in the file of [`new`](Self::new), or of the system.
#[derive(Clone, Default)]
pub struct NativeSql {
    roots: Option<PathBuf>,
    /// The parsed addresses. Reading the certificates of the system takes milliseconds.
    targets: Rc<RefCell<HashMap<String, Target>>>,
}

impl NativeSql {
    /// Creates a client with a file of root certificates for URLs without `sslrootcert`.
    pub fn new(roots: Option<PathBuf>) -> Self {
        Self { roots, targets: Rc::default() }
    }

    fn target(&self, address: &str) -> Result<Target, SqlError> {
        if let Some(target) = self.targets.borrow().get(address) {
            return Ok(target.clone());
        }
        let invalid =
            |error: TlsError| SqlError::Unavailable(format!("the address of a database {error}"));
        let target = Target::parse(address, self.roots.as_deref()).map_err(invalid)?;
        self.targets.borrow_mut().insert(address.to_owned(), target.clone());
        Ok(target)
    }

    /// Opens a session that is not shared, for scripts of several statements and for transactions.
    ///
    /// # Errors
    /// [`SqlError::Unavailable`].
    pub async fn session(&self, address: &str) -> Result<Client, SqlError> {
        let Target { config, tls } = self.target(address)?;
        let connected = timeout(CONNECT_DEADLINE, config.connect(tls));
        let (client, connection) = connected
            .await
            .map_err(unavailable)?
            .map_err(|error| SqlError::Unavailable(refusal(&error)))?;
        tokio::spawn(connection);
        Ok(client)
    }
}

#[async_trait(?Send)]
impl Sql for NativeSql {
    async fn connect(
        &self,
        address: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Connection>, SqlError> {
        let connection = NativeConnection {
            target: self.target(address)?,
            client: RefCell::default(),
            deadline,
        };
        connection.client().await?;
        Ok(Box::new(connection))
    }
}

struct NativeConnection {
    target: Target,
    client: RefCell<Option<Rc<Client>>>,
    deadline: Duration,
}

impl NativeConnection {
    /// Returns the connection, or opens a new one if the server has closed it. A command may pause for longer than the
    /// server keeps an idle connection.
    async fn client(&self) -> Result<Rc<Client>, SqlError> {
        let kept = self.client.borrow().clone().filter(|client| !client.is_closed());
        if let Some(client) = kept {
            return Ok(client);
        }
        let connected = timeout(CONNECT_DEADLINE, async {
            loop {
                match self.target.config.connect(self.target.tls.clone()).await {
                    // Another program may release a connection in a moment.
                    Err(error) if error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS) => {
                        sleep(NEXT_TRY).await;
                    }
                    outcome => return outcome,
                }
            }
        });
        let (client, connection) = connected
            .await
            .map_err(unavailable)?
            .map_err(|error| SqlError::Unavailable(refusal(&error)))?;
        tokio::spawn(connection);
        let client = Rc::new(client);
        self.client.replace(Some(Rc::clone(&client)));
        Ok(client)
    }
}

#[async_trait(?Send)]
impl Connection for NativeConnection {
    async fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError> {
        let parameters = parameters_of(parameters);
        let client = self.client().await?;
        let rows = timeout(self.deadline, client.query(statement, &parameters))
            .await
            .map_err(unavailable)?
            .map_err(|error| failure(&error))?;
        Ok(rows_of(&rows))
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let parameters = parameters_of(parameters);
        let client = self.client().await?;
        timeout(self.deadline, client.execute(statement, &parameters))
            .await
            .map_err(unavailable)?
            .map_err(|error| failure(&error))
    }
}

pub(super) fn parameters_of(parameters: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

pub(super) fn rows_of(rows: &[tokio_postgres::Row]) -> Vec<Row> {
    let Some(first) = rows.first() else {
        return Vec::new();
    };
    let names: Rc<[String]> =
        first.columns().iter().map(|column| column.name().to_owned()).collect();
    let values = |row| (0..names.len()).map(|index| value(row, index)).collect();
    rows.iter().map(|row| Row::new(Rc::clone(&names), values(row))).collect()
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql_checked(ty, out),
            Self::Int(value) => value.to_sql_checked(ty, out),
            Self::Long(value) => value.to_sql_checked(ty, out),
            Self::Text(value) => value.to_sql_checked(ty, out),
            Self::Bytes(value) => value.to_sql_checked(ty, out),
            Self::Uuid(value) => value.to_sql_checked(ty, out),
            Self::Json(value) => value.to_sql_checked(ty, out),
            Self::Time(value) => value.naive_utc().to_sql_checked(ty, out),
            Self::TextArray(value) => value.to_sql_checked(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Each value checks its type in `to_sql`.
        true
    }

    to_sql_checked!();
}

fn value(row: &tokio_postgres::Row, index: usize) -> Result<Value, SqlError> {
    fn get<'a, T: FromSql<'a> + Into<Value>>(
        row: &'a tokio_postgres::Row,
        index: usize,
    ) -> Result<Value, SqlError> {
        row.try_get::<_, Option<T>>(index)
            .map(Value::from)
            .map_err(|error| SqlError::Decode(error.to_string()))
    }
    match *row.columns()[index].type_() {
        Type::BOOL => get::<bool>(row, index),
        Type::INT4 => get::<i32>(row, index),
        Type::INT8 => get::<i64>(row, index),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR => get::<String>(row, index),
        Type::BYTEA => get::<Vec<u8>>(row, index),
        Type::UUID => get::<Uuid>(row, index),
        Type::JSONB => get::<serde_json::Value>(row, index),
        Type::TIMESTAMP => get::<NaiveDateTime>(row, index),
        Type::TEXT_ARRAY => get::<Vec<String>>(row, index),
        // These types are unsupported on Spin as well, including `timestamptz`.
        ref other => Err(SqlError::Decode(format!("the type {other} is not supported"))),
    }
}

pub(super) fn failure(error: &tokio_postgres::Error) -> SqlError {
    match error.as_db_error() {
        Some(refused) => SqlError::from_server(
            refused.code().code(),
            refused.message().to_owned(),
            refused.constraint().map(str::to_owned),
        ),
        None if error.is_closed() || is_io(error) => SqlError::Unavailable(error.to_string()),
        None => SqlError::Decode(error.to_string()),
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

/// Returns the reason why a connection was refused, which is only in the error's source.
fn refusal(error: &tokio_postgres::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

pub(super) fn unavailable(error: impl std::fmt::Display) -> SqlError {
    SqlError::Unavailable(error.to_string())
}
