//! The PostgreSQL client of a native program. Connections are not pooled.

use std::{cell::RefCell, error::Error as _, rc::Rc, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::NaiveDateTime;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{sleep, timeout};
use tokio_postgres::{
    Client,
    error::SqlState,
    types::{FromSql, IsNull, ToSql, Type, private::BytesMut, to_sql_checked},
};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use crate::{
    Sql,
    sql::{CONNECT_DEADLINE, Connection, Row, SqlError, Value},
};

/// The wait before another attempt to connect to a server without free connections.
const NEXT_TRY: Duration = Duration::from_millis(100);

/// A PostgreSQL client. It uses TLS if the URL's `sslmode` and the server support it, and trusts the certificates that
/// the system trusts.
pub struct NativeSql {
    tls: MakeRustlsConnect,
}

impl Default for NativeSql {
    fn default() -> Self {
        let mut roots = RootCertStore::empty();
        // Unreadable certificates of the system are not trusted.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        #[expect(clippy::expect_used, reason = "the provider supports its default versions")]
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { tls: MakeRustlsConnect::new(config) }
    }
}

impl NativeSql {
    /// Opens a session that is not shared, for scripts of several statements and for transactions.
    ///
    /// # Errors
    /// [`SqlError::Unavailable`].
    pub async fn session(&self, address: &str) -> Result<Client, SqlError> {
        let connected =
            timeout(CONNECT_DEADLINE, tokio_postgres::connect(address, self.tls.clone()));
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
            address: address.to_owned(),
            tls: self.tls.clone(),
            client: RefCell::default(),
            deadline,
        };
        connection.client().await?;
        Ok(Box::new(connection))
    }
}

struct NativeConnection {
    address: String,
    tls: MakeRustlsConnect,
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
                match tokio_postgres::connect(&self.address, self.tls.clone()).await {
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
        let parameters: Vec<_> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let client = self.client().await?;
        let rows = timeout(self.deadline, client.query(statement, &parameters))
            .await
            .map_err(unavailable)?
            .map_err(|error| failure(&error))?;
        let Some(first) = rows.first() else {
            return Ok(Vec::new());
        };
        let names: Rc<[String]> =
            first.columns().iter().map(|column| column.name().to_owned()).collect();
        let values = |row| (0..names.len()).map(|index| value(row, index)).collect();
        Ok(rows.iter().map(|row| Row::new(Rc::clone(&names), values(row))).collect())
    }

    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError> {
        let parameters: Vec<_> =
            parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let client = self.client().await?;
        timeout(self.deadline, client.execute(statement, &parameters))
            .await
            .map_err(unavailable)?
            .map_err(|error| failure(&error))
    }
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

fn failure(error: &tokio_postgres::Error) -> SqlError {
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

fn unavailable(error: impl std::fmt::Display) -> SqlError {
    SqlError::Unavailable(error.to_string())
}
