//! Copies a schema with `pg_dump` and `pg_restore`.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use tenancy::secret::Secret;

use crate::postgres::programs::{Program, Programs};

/// The interval at which the programs are observed.
const LOOK: Duration = Duration::from_millis(20);

/// Copies schemas without their owners: the objects belong to the role of `to`. If this call is cancelled,
/// the programs are killed.
pub async fn copy(programs: &Programs, schemas: &[&str], from: &Secret, to: &Secret) -> Result<()> {
    let mut dump = programs.dump(from)?;
    dump.args(["--no-sync", "--no-comments"])
        .args(["--no-publications", "--no-subscriptions", "--no-security-labels"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    select(&mut dump, schemas);
    let mut dump = Program::start(dump, "pg_dump")?;
    let output = dump.child.stdout.take().context("pg_dump has no output")?;
    let mut restore = programs.restore(to)?;
    restore.arg("--no-comments").stdin(Stdio::from(output)).stdout(Stdio::null());
    // The schemas themselves exist, with their privileges.
    select(&mut restore, schemas);
    let mut restore = Program::start(restore, "pg_restore")?;
    while !(dump.has_ended()? && restore.has_ended()?) {
        tokio::time::sleep(LOOK).await;
    }
    // If the restoration fails, the dump fails, too, because nobody reads it.
    for program in [&mut restore, &mut dump] {
        if let Some(message) = program.failure()? {
            bail!("the schema {}: {message}", schemas.join(", "));
        }
    }
    Ok(())
}

fn select(command: &mut Command, schemas: &[&str]) {
    command
        .args(schemas.iter().map(|schema| format!("--schema={schema}")))
        .env("PGOPTIONS", "-c statement_timeout=0 -c idle_session_timeout=0");
}
