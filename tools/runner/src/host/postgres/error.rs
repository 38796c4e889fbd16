//! The errors of PostgreSQL in the form that a guest gets.

use tokio_postgres::error::DbError;

use crate::bindings::postgres as wit;

/// Converts an error of a statement.
#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
pub(super) fn query_failed(error: tokio_postgres::Error) -> wit::Error {
    let text = format!("{error:?}");
    wit::Error::QueryFailed(match error.as_db_error() {
        None => wit::QueryError::Text(text),
        Some(db_error) => wit::QueryError::DbError(wit::DbError {
            as_text: text,
            severity: db_error.severity().to_owned(),
            code: db_error.code().code().to_owned(),
            message: db_error.message().to_owned(),
            detail: db_error.detail().map(str::to_owned),
            extras: extras(db_error),
        }),
    })
}

/// Converts an error of reading a row.
pub(super) fn row_failed(text: String) -> wit::Error {
    wit::Error::QueryFailed(wit::QueryError::Text(text))
}

/// Returns the other fields of a server error, with the names that Spin uses.
fn extras(error: &DbError) -> Vec<(String, String)> {
    let line = error.line().map(|line| line.to_string());
    [
        ("column", error.column()),
        ("constraint", error.constraint()),
        ("routine", error.routine()),
        ("hint", error.hint()),
        ("table", error.table()),
        ("datatype", error.datatype()),
        ("schema", error.schema()),
        ("file", error.file()),
        ("line", line.as_deref()),
        ("where_", error.where_()),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
    .collect()
}
