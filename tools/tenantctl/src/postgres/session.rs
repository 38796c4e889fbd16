//! Sessions for long work, and the counts and digests of a database.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tenancy::secret::Secret;
use tokio_postgres::{Client, Error, error::SqlState};

use crate::environment;

/// The limits of the statements of a session. Zero means none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// The longest time of a statement.
    pub statement: Duration,
    /// The longest wait for a lock.
    pub lock: Duration,
}

/// Opens a session for long work, whose output does not depend on settings. Code of the tenant can run in it, for example
/// a cast.
pub async fn session(url: &Secret, limits: Limits) -> Result<Client> {
    let client = environment::sql().session(url.expose()).await?;
    client
        .batch_execute(&format!(
            "SET statement_timeout = {};
             SET lock_timeout = {};
             SET idle_session_timeout = 0;
             SET idle_in_transaction_session_timeout = 0;
             SET search_path = pg_catalog;
             SET row_security = off;
             SET timezone = 'UTC';
             SET datestyle = 'ISO, YMD';
             SET intervalstyle = 'postgres';
             SET extra_float_digits = 1;
             SET lc_monetary = 'C';
             SET bytea_output = 'hex'",
            limits.statement.as_millis(),
            limits.lock.as_millis(),
        ))
        .await?;
    Ok(client)
}

/// Returns whether a statement gave way to another one: it waited too long for a lock, or PostgreSQL ended a deadlock.
/// Another attempt can succeed.
pub fn gave_way(error: &Error) -> bool {
    let states = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    error.code().is_some_and(|state| states.contains(state))
}

/// Returns the major version of the server.
pub async fn server_version(client: &Client) -> Result<u32> {
    let statement = "SELECT current_setting('server_version_num')::int / 10000";
    let version: i32 = client.query_one(statement, &[]).await?.try_get(0)?;
    Ok(u32::try_from(version)?)
}

/// The rows of one table of the tenant's database, or the state of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sum {
    /// The schema and the name.
    pub name: String,
    /// The number of rows.
    pub rows: i64,
    /// The sum of the digests of all rows.
    pub digest: String,
}

/// Returns the counts and digests of the tables and sequences of a schema. The order of the rows does not matter.
pub async fn sums(client: &Client, schema: &str) -> Result<Vec<Sum>> {
    let statement = "
        SELECT c.relname::text, c.relkind = 'S' FROM pg_class c
        WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
          AND c.relkind IN ('r', 'S') ORDER BY c.relname";
    let mut sums = Vec::new();
    for row in client.query(statement, &[&schema]).await? {
        let (name, is_sequence): (String, bool) = (row.try_get(0)?, row.try_get(1)?);
        let quoted =
            format!("{}.{}", platform::sql::identifier(schema), platform::sql::identifier(&name));
        let statement = if is_sequence {
            format!("SELECT last_value::bigint, is_called::text FROM {quoted}")
        } else {
            // The sum of 60 bits of each row: a changed, missing or additional row changes it.
            format!(
                "SELECT count(*), COALESCE(sum(('x' || left(md5(ROW(tenancy_row.*)::text), 15))::bit(60)::bigint), 0)::text
                 FROM ONLY {quoted} AS tenancy_row"
            )
        };
        let row = client.query_one(&statement, &[]).await.with_context(|| quoted.clone())?;
        sums.push(Sum {
            name: format!("{schema}.{name}"),
            rows: row.try_get(0)?,
            digest: row.try_get(1)?,
        });
    }
    Ok(sums)
}
