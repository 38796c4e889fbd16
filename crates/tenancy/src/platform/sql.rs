//! PostgreSQL: statements, values and rows, in the types that both hosts can carry.
//!
//! A house rule stands behind this interface having no transaction: a connection goes back to a
//! pool that knows nothing of an open one, so a request that dies in the middle would hand its
//! transaction to the next. What must happen together is one statement (a CTE, or a `DO` block).

use std::{rc::Rc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use uuid::Uuid;

/// How long opening a connection may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// How long a statement may take that a user waits for.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a statement may take that creates or changes a database.
pub const SCHEMA_DEADLINE: Duration = Duration::from_mins(1);

/// PostgreSQL servers.
#[async_trait(?Send)]
pub trait Sql {
    /// A connection to the database at `address`, a `postgres://` URL. Each of its calls may take
    /// up to `deadline`.
    async fn connect(
        &self,
        address: &str,
        deadline: Duration,
    ) -> Result<Box<dyn Connection>, SqlError>;
}

/// A connection to one database.
#[async_trait(?Send)]
pub trait Connection {
    /// Runs one statement and returns its rows.
    async fn query(&self, statement: &str, parameters: &[Value]) -> Result<Vec<Row>, SqlError>;

    /// Runs one statement and returns how many rows it touched.
    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError>;
}

impl dyn Connection + '_ {
    /// The first row of a statement, `None` when it has none.
    pub async fn query_first(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.query(statement, parameters).await?.into_iter().next())
    }
}

/// A value of a parameter or a column.
///
/// Times are `timestamp` without zone, in UTC: no host reads `timestamptz`. Statements convert with
/// `AT TIME ZONE 'UTC'` on both ways.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// `boolean`
    Bool(bool),
    /// `integer`
    Int(i32),
    /// `bigint`
    Long(i64),
    /// `text`
    Text(String),
    /// `bytea`
    Bytes(Vec<u8>),
    /// `uuid`
    Uuid(Uuid),
    /// `jsonb`
    Json(serde_json::Value),
    /// `timestamp`, in UTC
    Time(DateTime<Utc>),
    /// `text[]`
    TextArray(Vec<String>),
}

/// A row of a result.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Rc<[String]>,
    values: Vec<Value>,
}

impl Row {
    /// A row of `values` under the names of `columns`, which are as many.
    pub fn new(columns: Rc<[String]>, values: Vec<Value>) -> Self {
        Self { columns, values }
    }

    /// The value of the column `name`.
    ///
    /// # Errors
    /// [`SqlError::Decode`] when there is no such column or it is of another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, SqlError> {
        let value = self
            .columns
            .iter()
            .position(|column| column == name)
            .and_then(|index| self.values.get(index))
            .ok_or_else(|| SqlError::Decode(format!("there is no column {name}")))?;
        T::from_value(value)
            .ok_or_else(|| SqlError::Decode(format!("the column {name} is of another type")))
    }
}

/// A Rust type that a column can be read as.
pub trait FromValue: Sized {
    /// `None` when the value is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! value_conversions {
    ($($variant:ident($type:ty)),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }

        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::$variant(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )+};
}

value_conversions! {
    Bool(bool),
    Int(i32),
    Long(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    Json(serde_json::Value),
    Time(DateTime<Utc>),
    TextArray(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<NaiveDateTime> for Value {
    fn from(time: NaiveDateTime) -> Self {
        Self::Time(time.and_utc())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// Why a statement failed; the texts are for logs, never for an answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlError {
    /// The server could not be reached, refused the connection, or did not answer in time.
    #[error("PostgreSQL is unavailable: {0}")]
    Unavailable(String),
    /// The server refused the statement.
    #[error("PostgreSQL refused with {state}: {message}")]
    Refused {
        /// The SQLSTATE, five characters.
        state: String,
        /// The server's message.
        message: String,
        /// The constraint that was violated, if one was.
        constraint: Option<String>,
    },
    /// A result was not of the form that the code expects.
    #[error("PostgreSQL answered with an unexpected result: {0}")]
    Decode(String),
}

/// SQLSTATE codes that the code tells apart (PostgreSQL, appendix A).
pub mod state {
    /// A database of the name exists.
    pub const DUPLICATE_DATABASE: &str = "42P04";
    /// No database of the name exists.
    pub const INVALID_CATALOG_NAME: &str = "3D000";
    /// A table or view does not exist.
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// The account has no right to do this.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// Another session uses what the statement needs for itself.
    pub const OBJECT_IN_USE: &str = "55006";
}

/// Classes and codes that are not about the statement, and that trying again may mend: connection,
/// resources and shutdown, and a statement that lost against another or against the clock.
const TRANSIENT: [&str; 8] = ["08", "53", "57P", "40001", "40P01", "55P03", "57014", "25006"];

impl SqlError {
    /// Whether the server refused with this SQLSTATE.
    pub fn is(&self, state: &str) -> bool {
        matches!(self, Self::Refused { state: actual, .. } if actual == state)
    }

    /// The constraint that the statement violated, if that is why it failed.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused { constraint, .. } => constraint.as_deref(),
            Self::Unavailable(_) | Self::Decode(_) => None,
        }
    }

    /// From what the server says.
    pub fn from_server(state: &str, message: String, constraint: Option<String>) -> Self {
        if TRANSIENT.iter().any(|transient| state.starts_with(transient)) {
            Self::Unavailable(format!("{state}: {message}"))
        } else {
            Self::Refused { state: state.to_owned(), message, constraint }
        }
    }
}

/// A pattern of `ILIKE` that a text matches which contains `text`.
pub fn contains_pattern(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

/// A name as an identifier of a statement.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal, for the statements that take no parameters.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
