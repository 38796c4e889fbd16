//! Statements on one connection.

use std::sync::Arc;

use deadpool_postgres::Object;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::error::{query_failed, row_failed};
use super::parameter::{self, Parameter};
use super::value;
use crate::bindings::postgres as wit;
use crate::host::stream::CHANNEL_CAPACITY;
use crate::host::{MAX_BUFFERED_BYTES, too_large};

/// The error that a guest gets instead of waiting forever.
const NO_ROWS: &str =
    "there are no rows, so Spin never returns from `query`: use `query-async` or `execute`";

/// A connection, which returns to its pool when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Client(Arc<Object>);

/// The result of a query with rows that are still arriving.
pub(super) struct Rows {
    pub(super) columns: Vec<wit::Column>,
    pub(super) rows: mpsc::Receiver<wit::Row>,
    pub(super) end: oneshot::Receiver<Result<(), wit::Error>>,
}

impl Client {
    pub(super) fn new(connection: Object) -> Self {
        Self(Arc::new(connection))
    }

    pub(super) async fn execute(
        &self,
        statement: &str,
        parameters: &[wit::ParameterValue],
    ) -> Result<u64, wit::Error> {
        let parameters =
            parameter::convert(parameters).map_err(wit::Error::ValueConversionFailed)?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|parameter| parameter.as_ref() as _).collect();
        self.0.execute(statement, &parameters).await.map_err(query_failed)
    }

    pub(super) async fn query(
        &self,
        statement: &str,
        parameters: &[wit::ParameterValue],
    ) -> Result<wit::RowSet, wit::Error> {
        let mut stream = self.start(statement, parameters).await?;
        let mut set = wit::RowSet { columns: Vec::new(), rows: Vec::new() };
        let mut bytes = size_of_val(&set);
        let debug = |error: wit::Error| row_failed(format!("{error:?}"));
        while let Some(row) = stream.try_next().await.map_err(query_failed).map_err(debug)? {
            if set.rows.is_empty() {
                set.columns = value::columns(&row);
            }
            let row = read_row(&row).map_err(debug)?;
            bytes += size(&row);
            if bytes > MAX_BUFFERED_BYTES {
                return Err(row_failed(too_large()));
            }
            set.rows.push(row);
        }
        // Spin waits here forever for the columns, which arrive with the first row, and serves no other request of the
        // instance. A guest must not rely on a result that only the runner returns.
        if set.rows.is_empty() {
            return Err(row_failed(NO_ROWS.to_owned()));
        }
        Ok(set)
    }

    pub(super) async fn query_async(
        &self,
        statement: &str,
        parameters: &[wit::ParameterValue],
    ) -> Result<Rows, wit::Error> {
        let stream = self.start(statement, parameters).await?;
        let (columns, columns_read) = oneshot::channel();
        let (rows, rows_read) = mpsc::channel(CHANNEL_CAPACITY);
        let (end, end_read) = oneshot::channel();
        tokio::spawn(async move {
            _ = end.send(send_rows(stream, columns, rows).await);
        });
        // Without rows there are no columns. PostgreSQL knows them, but Spin does not return them.
        let columns = columns_read.await.unwrap_or_default();
        Ok(Rows { columns, rows: rows_read, end: end_read })
    }

    async fn start(
        &self,
        statement: &str,
        parameters: &[wit::ParameterValue],
    ) -> Result<impl Stream<Item = Result<Row, tokio_postgres::Error>> + Unpin + use<>, wit::Error>
    {
        let parameters: Vec<Parameter> =
            parameter::convert(parameters).map_err(wit::Error::BadParameter)?;
        let stream = self.0.query_raw(statement, parameters).await.map_err(query_failed)?;
        Ok(Box::pin(stream))
    }
}

async fn send_rows(
    mut stream: impl Stream<Item = Result<Row, tokio_postgres::Error>> + Unpin,
    columns: oneshot::Sender<Vec<wit::Column>>,
    rows: mpsc::Sender<wit::Row>,
) -> Result<(), wit::Error> {
    let mut columns = Some(columns);
    loop {
        let row = tokio::select! {
            biased;
            // A guest that stops reading must not keep the query.
            () = rows.closed() => return Ok(()),
            row = stream.next() => row,
        };
        let Some(row) = row else {
            return Ok(());
        };
        let row = row.map_err(query_failed)?;
        if let Some(columns) = columns.take() {
            _ = columns.send(value::columns(&row));
        }
        let row = read_row(&row)?;
        if size(&row) > MAX_BUFFERED_BYTES {
            return Err(row_failed(too_large()));
        }
        rows.send(row).await.map_err(|error| row_failed(format!("async error: {error}")))?;
    }
}

fn read_row(row: &Row) -> Result<wit::Row, wit::Error> {
    value::row(row).map_err(|error| row_failed(format!("{error:?}")))
}

fn size(row: &wit::Row) -> usize {
    row.iter().map(value::size).sum()
}
