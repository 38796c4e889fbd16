//! The migration of one database, with the role of the application.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tenancy::app_migration::{MigrationFile, TABLE, TEMPLATE_LOCK};
use tokio_postgres::{Client, Error};

use crate::{environment, postgres::gave_way};

/// The limits of the statements of a migration.
#[derive(Debug, Clone, clap::Args)]
pub struct Limits {
    /// The seconds for which a statement waits for a lock. A statement that waits blocks the application's statements
    /// behind it.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub lock_timeout: u32,
    /// The seconds after which a statement is cancelled.
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub statement_timeout: u32,
}

/// The maximum number of characters of a failure. Code of a tenant can raise an error of any length.
const MOST_CHARACTERS: usize = 300;

/// The number of times that a file is tried if it waits too long for a lock, or in a deadlock with statements of the
/// application.
const LOCK_ATTEMPTS: u32 = 3;
/// The pause after the first attempt. Each further one is longer by the same time.
const LOCK_PAUSE: Duration = Duration::from_secs(1);

/// The result of a migration.
#[derive(Debug)]
pub struct Migrated {
    /// The version of the schema.
    pub version: i32,
    /// The names of the files that ran.
    pub ran: Vec<String>,
    /// Why the next file failed.
    pub failure: Option<anyhow::Error>,
}

/// Runs the files that a database does not have yet. `url` belongs to an owner of the schema app. An interrupted run
/// leaves only whole files.
pub async fn migrate(url: &str, files: &[MigrationFile], limits: &Limits) -> Result<Migrated> {
    let client = environment::sql().session(url).await?;
    prepare_session(&client, limits).await.map_err(|error| describe(&error))?;
    // Of two runs at once, the second waits, and then finds the files of the first.
    let lock = "DO $lock$ BEGIN
        SET LOCAL lock_timeout = '60s';
        PERFORM pg_advisory_lock(hashtextextended('tenancy: migrations of the application', 0));
    END $lock$";
    client
        .batch_execute(lock)
        .await
        .map_err(|error| describe(&error).context("another run is migrating this database"))?;
    let before = recorded_version(&client, files).await?;
    let mut version = before;
    let mut ran = Vec::new();
    for file in files.iter().filter(|file| file.version > before) {
        match run_file(&client, file, limits).await {
            Ok(()) => {
                version = file.version;
                ran.push(file.name.clone());
            }
            Err(error) => {
                let failure = Some(error.context(file.name.clone()));
                return Ok(Migrated { version, ran, failure });
            }
        }
    }
    Ok(Migrated { version, ran, failure: None })
}

/// Waits until no other run migrates the template database. Others wait until the returned session is dropped.
pub async fn template_alone(context: &tenancy::Context) -> Result<Client> {
    let url = context.settings.master_database_url.to_text();
    let session = environment::sql().session(url.expose()).await?;
    // The account closes idle sessions after seconds, and this one is idle while the files run.
    let lock = format!(
        "SET idle_session_timeout = 0;
         SET statement_timeout = '1h';
         SELECT pg_advisory_lock(hashtextextended('{TEMPLATE_LOCK}', 0));"
    );
    session.batch_execute(&lock).await.context("another run is migrating the template database")?;
    Ok(session)
}

/// Sets the session parameters that a file expects. An earlier file, or code of the tenant that it ran, may have changed it.
async fn prepare_session(client: &Client, limits: &Limits) -> Result<(), Error> {
    let Limits { lock_timeout, statement_timeout } = limits;
    let statements = format!(
        "RESET ROLE;
         SET search_path = app;
         SET lock_timeout = '{lock_timeout}s';
         SET statement_timeout = '{statement_timeout}s'"
    );
    client.batch_execute(&statements).await
}

/// Returns the version that the database has recorded, or 0. The table belongs to the tenant, which can have replaced it
/// by any other object: that is a failure of this tenant only.
///
/// # Errors
/// A recorded file is missing or has another checksum, or the table is not the table of this command.
async fn recorded_version(client: &Client, files: &[MigrationFile]) -> Result<i32> {
    let create = format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (
             version integer PRIMARY KEY,
             name text NOT NULL,
             checksum text NOT NULL,
             applied_at timestamptz NOT NULL DEFAULT now()
         )"
    );
    client.batch_execute(&create).await.map_err(|error| describe(&error))?;
    // One row more than there are files shows that there are too many.
    let read = format!(
        "SELECT version, checksum FROM {TABLE} ORDER BY version LIMIT {}",
        files.len().saturating_add(1)
    );
    let rows = client.query(&read, &[]).await.map_err(|error| describe(&error))?;
    let mut version = 0;
    for row in &rows {
        let recorded = row.try_get(0).and_then(|number| Ok((number, row.try_get(1)?)));
        let (number, checksum): (i32, String) =
            recorded.map_err(|_| anyhow!("the table {TABLE} was changed; restore its columns"))?;
        let file = files.iter().find(|file| file.version == number);
        let file =
            file.with_context(|| format!("version {number} ran here, but there is no such file"))?;
        if file.checksum() != checksum {
            bail!("{} has changed since it ran here", file.name);
        }
        version = number;
    }
    Ok(version)
}

async fn run_file(client: &Client, file: &MigrationFile, limits: &Limits) -> Result<()> {
    let record = format!(
        "INSERT INTO {TABLE} (version, name, checksum) VALUES ({}, '{}', '{}')",
        file.version,
        file.name,
        file.checksum()
    );
    for attempt in 1..=LOCK_ATTEMPTS {
        let outcome = async {
            prepare_session(client, limits).await?;
            if file.runs_in_transaction() {
                client.batch_execute("BEGIN").await?;
                client.batch_execute(&file.sql).await?;
                // A file that ends the transaction itself would leave half of its statements after a failure.
                client.batch_execute("SAVEPOINT tenancy").await?;
                client.batch_execute(&record).await?;
                client.batch_execute("COMMIT").await
            } else {
                // Several statements in one message would be one transaction.
                for statement in statements(&file.sql) {
                    client.batch_execute(statement).await?;
                }
                client.batch_execute(&record).await
            }
        };
        let Err(error) = outcome.await else { return Ok(()) };
        // Without a transaction, this is only a warning.
        let _ = client.batch_execute("ROLLBACK").await;
        if !gave_way(&error) || attempt == LOCK_ATTEMPTS {
            return Err(describe(&error));
        }
        // The statements that waited behind this one run first.
        tokio::time::sleep(LOCK_PAUSE * attempt).await;
    }
    Err(anyhow!("it waited too long for a lock"))
}

/// Splits a file without a transaction at lines that end with a semicolon.
fn statements(sql: &str) -> Vec<&str> {
    let mut statements = Vec::new();
    let mut begin = 0;
    let mut end = 0;
    for line in sql.split_inclusive('\n') {
        end += line.len();
        if line.trim_end().ends_with(';') {
            statements.push(&sql[begin..end]);
            begin = end;
        }
    }
    if !sql[begin..].trim().is_empty() {
        statements.push(&sql[begin..]);
    }
    statements
}

/// Returns the message of PostgreSQL without values of the tenant. The detail can have them, and so can the message of an
/// invalid value (class 22) or of an error that code of the tenant raised (class P0).
fn describe(error: &Error) -> anyhow::Error {
    let Some(database) = error.as_db_error() else {
        return anyhow!("the connection failed: {error}");
    };
    let code = database.code().code();
    if code.starts_with("22") || code.starts_with("P0") {
        return anyhow!(
            "SQLSTATE {code}; its message can have values, and is in the log of PostgreSQL"
        );
    }
    anyhow!("{} ({code})", printable(database.message()))
}

/// Returns a text of a tenant without characters that control a terminal.
fn printable(text: &str) -> String {
    let replace = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(MOST_CHARACTERS).map(replace).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_splits_at_line_ends() {
        let sql =
            "-- tenancy: no-transaction\nCREATE INDEX CONCURRENTLY a\n  ON b (c);\nDROP INDEX d;\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], "DROP INDEX d;\n");
        assert_eq!(statements("SELECT 1"), ["SELECT 1"]);
    }

    #[test]
    fn failure_cannot_control_a_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a [2Jb c");
        assert_eq!(printable(&"x".repeat(10_000)).len(), MOST_CHARACTERS);
    }
}
