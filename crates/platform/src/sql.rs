//! PostgreSQL: statements, values and rows, in the types that both hosts support.
//!
//! This interface has no transactions. A connection returns to a pool that does not track open transactions, so a
//! request that is aborted would leave its transaction to the next request. Operations that must be atomic are one
//! statement (a CTE or a `DO` block).

mod statement;

use std::{rc::Rc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, NaiveDateTime, Utc};
use icu_normalizer::ComposingNormalizerBorrowed;
use uuid::Uuid;

pub use statement::Statement;

/// The time limit for opening a connection.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// The time limit of a statement that a user waits for.
pub const STATEMENT_DEADLINE: Duration = Duration::from_secs(5);
/// The time limit of a statement that creates or alters a database.
pub const SCHEMA_DEADLINE: Duration = Duration::from_mins(1);
/// The longest wait of a command for the lock of a table. Other statements wait behind it. It is shorter than PostgreSQL's
/// `deadlock_timeout` (by default 1 s): in a deadlock with a request, the command gives way before PostgreSQL cancels one of
/// the two.
pub const LOCK_TIMEOUT: Duration = Duration::from_millis(800);

/// PostgreSQL servers.
#[async_trait(?Send)]
pub trait Sql {
    /// Returns a connection to the database at `address`, a `postgres://` URL. Each call on the connection may take up
    /// to `deadline`.
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

    /// Runs one statement and returns the number of affected rows.
    async fn execute(&self, statement: &str, parameters: &[Value]) -> Result<u64, SqlError>;
}

impl dyn Connection + '_ {
    /// Returns the first row of a statement, or `None` if it has no rows.
    pub async fn query_first(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Option<Row>, SqlError> {
        Ok(self.query(statement, parameters).await?.into_iter().next())
    }
}

/// The value of a parameter or a column.
///
/// Times are `timestamp` without time zone, in UTC, because neither host supports `timestamptz`. Statements convert
/// with `AT TIME ZONE 'UTC'` in both directions.
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

/// A row of a result. A value that no Rust type can represent fails the read of its column, but not the statement. The
/// other rows stay readable.
#[derive(Debug, Clone)]
pub struct Row {
    columns: Rc<[String]>,
    values: Vec<Result<Value, SqlError>>,
}

impl Row {
    /// Creates a row from `values` and the equally many names in `columns`.
    pub fn new(columns: Rc<[String]>, values: Vec<Result<Value, SqlError>>) -> Self {
        Self { columns, values }
    }

    /// Returns the value of the column `name`.
    ///
    /// # Errors
    /// [`SqlError::Decode`] if the column does not exist or has another type.
    pub fn get<T: FromValue>(&self, name: &str) -> Result<T, SqlError> {
        let value = self
            .columns
            .iter()
            .position(|column| column == name)
            .and_then(|index| self.values.get(index))
            .ok_or_else(|| SqlError::Decode(format!("the column {name} does not exist")))?
            .as_ref()
            .map_err(|error| SqlError::Decode(format!("cannot read the column {name}: {error}")))?;
        T::from_value(value)
            .ok_or_else(|| SqlError::Decode(format!("the column {name} has another type")))
    }
}

/// The rows of a list. An unreadable row does not affect the list or the work on the other rows.
#[derive(Debug)]
pub struct Rows<T> {
    /// The readable rows.
    pub items: Vec<T>,
    /// The unreadable rows.
    pub unreadable: Vec<UnreadableRow>,
}

/// A row that does not match the program's expectations of its table.
#[derive(Debug, thiserror::Error)]
#[error("the row {} is unreadable: {reason}", .id.map_or_else(|| "without an id".to_owned(), |id| id.to_string()))]
pub struct UnreadableRow {
    /// The `id` of the row, if it is readable.
    pub id: Option<Uuid>,
    /// The column and the problem, for the log.
    pub reason: SqlError,
}

impl<T> Rows<T> {
    /// Reads each of `rows` with `read`.
    pub fn read<'a>(
        rows: impl IntoIterator<Item = &'a Row>,
        read: impl Fn(&Row) -> Result<T, SqlError>,
    ) -> Self {
        let mut read_rows = Self { items: Vec::new(), unreadable: Vec::new() };
        for row in rows {
            match read(row) {
                Ok(item) => read_rows.items.push(item),
                Err(reason) => {
                    let id = row.get("id").ok();
                    read_rows.unreadable.push(UnreadableRow { id, reason });
                }
            }
        }
        read_rows
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.items.len() + self.unreadable.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A Rust type that a column can be read as.
pub trait FromValue: Sized {
    /// Returns the value, or `None` if it has another type.
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

/// The reason why a statement failed. The texts are for logs only, never for a response.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlError {
    /// The server could not be reached, refused the connection or did not respond in time.
    #[error("PostgreSQL is unavailable: {0}")]
    Unavailable(String),
    /// The server refused the statement.
    #[error("PostgreSQL refused the statement with {state}: {message}")]
    Refused {
        /// The SQLSTATE, five characters.
        state: String,
        /// The server's message.
        message: String,
        /// The violated constraint, if there is one.
        constraint: Option<String>,
    },
    /// A result does not have the expected form.
    #[error("PostgreSQL returned an unexpected result: {0}")]
    Decode(String),
    /// The values of a [`Statement`] do not match the names of its parameters.
    #[error("a statement has wrong parameters: {0}")]
    Parameters(String),
}

/// The SQLSTATE codes that the program handles (PostgreSQL, appendix A).
pub mod state {
    /// A database with this name already exists.
    pub const DUPLICATE_DATABASE: &str = "42P04";
    /// No database with this name exists.
    pub const INVALID_CATALOG_NAME: &str = "3D000";
    /// A table or view does not exist.
    pub const UNDEFINED_TABLE: &str = "42P01";
    /// A column does not exist.
    pub const UNDEFINED_COLUMN: &str = "42703";
    /// The role lacks the privilege.
    pub const INSUFFICIENT_PRIVILEGE: &str = "42501";
    /// Another session uses the object that the statement needs exclusively.
    pub const OBJECT_IN_USE: &str = "55006";
}

/// SQLSTATE classes and codes of failures that a retry may resolve: connections, resources, shutdown, conflicts with
/// other statements and timeouts.
const TRANSIENT: [&str; 8] = ["08", "53", "57P", "40001", "40P01", "55P03", "57014", "25006"];

/// The texts of SQLSTATE `XX000` (internal error) with which PostgreSQL refuses one of two simultaneous changes of the same
/// role, database or privilege. They are never translated.
const SIMULTANEOUS: [&str; 2] = ["tuple concurrently updated", "tuple concurrently deleted"];

impl SqlError {
    /// Returns whether the server refused the statement with this SQLSTATE.
    pub fn is(&self, state: &str) -> bool {
        matches!(self, Self::Refused { state: actual, .. } if actual == state)
    }

    /// Returns the constraint that the statement violated, if this is the cause of the failure.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Refused { constraint, .. } => constraint.as_deref(),
            Self::Unavailable(_) | Self::Decode(_) | Self::Parameters(_) => None,
        }
    }

    /// Creates the error from the server's response.
    pub fn from_server(state: &str, message: String, constraint: Option<String>) -> Self {
        let is_transient = TRANSIENT.iter().any(|transient| state.starts_with(transient))
            || state == "XX000" && SIMULTANEOUS.contains(&message.as_str());
        if is_transient {
            Self::Unavailable(format!("{state}: {message}"))
        } else {
            Self::Refused { state: state.to_owned(), message, constraint }
        }
    }
}

/// A collation that compares text case-insensitively by the rules of Unicode. The database's locale may be `C`, which
/// supports only ASCII.
pub const UNICODE: &str = r#"COLLATE "und-x-icu""#;

/// Returns an `ILIKE` pattern that matches every text that contains `text`.
pub fn contains_pattern(text: &str) -> String {
    let text = ComposingNormalizerBorrowed::new_nfc().normalize(text);
    format!("%{}%", escaped_pattern(&text))
}

/// Returns a `LIKE` pattern that matches only `text`.
pub fn escaped_pattern(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

/// Returns a name as a quoted identifier.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns a text as a literal, for statements that do not accept parameters.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns a statement that runs statements of PL/pgSQL in a transaction. If a lock is not free within [`LOCK_TIMEOUT`], or
/// in a deadlock, it gives way to the other statements, and tries again, for less than [`SCHEMA_DEADLINE`]. Otherwise, one
/// long transaction would block every other statement on the table for as long as this one waits.
///
/// `statements` must not contain `$patiently$`.
pub fn patiently(statements: &str) -> String {
    format!(
        "DO $patiently$ BEGIN
             SET LOCAL lock_timeout = {timeout};
             FOR attempt IN 1..20 LOOP
                 BEGIN
                     {statements}
                     RETURN;
                 EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                     IF attempt = 20 THEN
                         RAISE EXCEPTION USING ERRCODE = SQLSTATE,
                             MESSAGE = 'another transaction has a table locked; repeat the command when it has ended';
                     END IF;
                 END;
                 PERFORM pg_sleep(1);
             END LOOP;
         END $patiently$",
        timeout = LOCK_TIMEOUT.as_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_value_breaks_only_its_row() {
        let columns: Rc<[String]> = ["id".to_owned(), "size".to_owned()].into();
        let row = |id: u128, size| {
            Row::new(Rc::clone(&columns), vec![Ok(Uuid::from_u128(id).into()), size])
        };
        let undecodable = || Err(SqlError::Decode("number out of range".to_owned()));
        let rows = [row(1, Ok(1_i64.into())), row(2, undecodable()), row(3, Ok(3_i64.into()))];
        let read = Rows::read(&rows, |row| row.get::<i64>("size"));
        assert_eq!(read.items, [1, 3]);
        assert_eq!(read.unreadable.len(), 1);
        let told = read.unreadable[0].to_string();
        assert!(told.contains(&Uuid::from_u128(2).to_string()) && told.contains("size"), "{told}");
        assert_eq!(read.len(), 3);
    }

    #[test]
    fn only_failures_that_pass_are_unavailability() {
        let from = |state, message: &str| SqlError::from_server(state, message.to_owned(), None);
        for (state, message) in [
            ("40P01", "deadlock detected"),
            ("XX000", "tuple concurrently updated"),
            ("XX000", "tuple concurrently deleted"),
        ] {
            assert!(matches!(from(state, message), SqlError::Unavailable(_)), "{message}");
        }
        for (state, message) in [
            ("XX000", "cache lookup failed for relation 1"),
            ("23505", "tuple concurrently updated"),
        ] {
            assert!(matches!(from(state, message), SqlError::Refused { .. }), "{message}");
        }
    }
}
