//! The migration of one database, with the role of the application.

use anyhow::{Context as _, Result, anyhow, bail};
use platform::native::NativeSql;
use tenancy::app_migration::{MigrationFile, TABLE};

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

/// The number of times that a file runs again after it waited too long for a lock.
const LOCK_ATTEMPTS: u32 = 3;
const LOCK_NOT_AVAILABLE: &str = "55P03";

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
    let client = NativeSql::default().session(url).await?;
    let Limits { lock_timeout, statement_timeout } = limits;
    client
        .batch_execute(&format!(
            "SET search_path = app;
             SET lock_timeout = '{lock_timeout}s';
             SET statement_timeout = '{statement_timeout}s'"
        ))
        .await?;
    // Of two runs at once, the second waits, and then finds the files of the first.
    let lock = "DO $lock$ BEGIN
        SET LOCAL lock_timeout = '60s';
        PERFORM pg_advisory_lock(hashtextextended('tenancy: migrations of the application', 0));
    END $lock$";
    client.batch_execute(lock).await.context("another run is migrating this database")?;
    client
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {TABLE} (
                 version integer PRIMARY KEY,
                 name text NOT NULL,
                 checksum text NOT NULL,
                 applied_at timestamptz NOT NULL DEFAULT now()
             )"
        ))
        .await?;
    let rows = client
        .query(&format!("SELECT version, name, checksum FROM {TABLE} ORDER BY version"), &[])
        .await?;
    let mut version = 0;
    for row in &rows {
        let (number, name, checksum): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        let file = files.iter().find(|file| file.version == number);
        let file = file.with_context(|| format!("{name} ran here, but there is no such file"))?;
        if file.checksum() != checksum {
            bail!("{name} has changed since it ran here");
        }
        version = number;
    }
    let mut ran = Vec::new();
    let before = version;
    for file in files.iter().filter(|file| file.version > before) {
        match run_file(&client, file).await {
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

async fn run_file(client: &tokio_postgres::Client, file: &MigrationFile) -> Result<()> {
    let record = format!(
        "INSERT INTO {TABLE} (version, name, checksum) VALUES ({}, '{}', '{}')",
        file.version,
        file.name,
        file.checksum()
    );
    for attempt in 1..=LOCK_ATTEMPTS {
        let outcome = async {
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
        let code = error.code().map(|code| code.code().to_owned());
        if code.as_deref() != Some(LOCK_NOT_AVAILABLE) || attempt == LOCK_ATTEMPTS {
            return Err(describe(&error));
        }
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

/// Returns the message of PostgreSQL and the place in the file, without the detail, which can have values of a tenant.
fn describe(error: &tokio_postgres::Error) -> anyhow::Error {
    match error.as_db_error() {
        Some(database) => anyhow!("{} ({})", database.message(), database.code().code()),
        None => anyhow!("the connection failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_without_transaction_is_split_at_line_ends() {
        let sql =
            "-- tenancy: no-transaction\nCREATE INDEX CONCURRENTLY a\n  ON b (c);\nDROP INDEX d;\n";
        let found = statements(sql);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[1], "DROP INDEX d;\n");
        assert_eq!(statements("SELECT 1"), ["SELECT 1"]);
    }
}
