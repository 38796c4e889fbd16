//! `pg_dump` and `pg_restore`, and the counts and digests of a database.

use std::{
    io::{Read, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread::JoinHandle,
};

use anyhow::{Context as _, Result, anyhow, bail};
use tenancy::{postgres_url::PostgresUrl, secret::Secret};
use tokio_postgres::Client;
use url::Url;

use super::{
    bounds::Bounds,
    format::{Extension, Part, Sum},
};
use crate::{environment, exit::Exit};

/// The size of a piece of a dump in bytes.
const PIECE: usize = 256 << 10;
/// The maximum number of bytes of an error message.
const MOST_MESSAGE_BYTES: u64 = 4_096;
/// The folder in which Debian keeps the programs of each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of PostgreSQL.
pub struct Programs {
    pg_dump: PathBuf,
    pg_restore: PathBuf,
    version: u32,
}

impl Programs {
    /// Finds the programs: beside `pg_config`, the newest ones of Debian, or on the path.
    ///
    /// # Errors
    /// They are missing, or older than the server.
    pub fn find(server: u32) -> Result<Self> {
        let mut folders = Vec::new();
        if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
            folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        folders.extend(versions.map(|version| version.path().join("bin")));
        let path = std::env::var_os("PATH").unwrap_or_default();
        folders.extend(std::env::split_paths(&path));
        let found = folders
            .into_iter()
            .filter_map(|folder| {
                let (pg_dump, pg_restore) = (folder.join("pg_dump"), folder.join("pg_restore"));
                let version = version(&pg_dump).filter(|_| pg_restore.exists())?;
                Some(Self { pg_dump, pg_restore, version })
            })
            .max_by_key(|programs| programs.version);
        check_version(found.as_ref().map(|found| found.version), server)?;
        found.context("pg_dump is missing")
    }

    /// Starts the dump of a part in the snapshot of another session.
    pub fn dump(&self, url: &Secret, part: Part, snapshot: &str, bounds: Bounds) -> Result<Dump> {
        let mut command = Command::new(&self.pg_dump);
        command.args(["--format=custom", "--compress=0", "--no-owner", "--no-privileges"]);
        // A lock of the tenant's application must not stop the export.
        command.arg(format!("--lock-wait-timeout={}", bounds.lock().as_millis()));
        command.args(schemas(part)).arg(format!("--snapshot={snapshot}"));
        connect_to(&mut command, url)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting pg_dump")?;
        let message = collect_message(&mut child)?;
        let child = Finished { child, message, name: "pg_dump", remedy: UNREADABLE };
        Ok(Dump { child, bounds })
    }

    /// Starts the restore of a part in one transaction.
    pub fn restore(&self, url: &Secret, part: Part) -> Result<Restore> {
        let mut command = Command::new(&self.pg_restore);
        command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
        command.args(schemas(part));
        connect_to(&mut command, url)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting pg_restore")?;
        let message = collect_message(&mut child)?;
        let input = child.stdin.take();
        let child = Finished { child, message, name: "pg_restore", remedy: NOT_CREATABLE };
        Ok(Restore { input, child })
    }
}

/// Checks that a program of this version can dump the databases of a server.
fn check_version(found: Option<u32>, server: u32) -> Result<()> {
    let remedy = format!("install the client of PostgreSQL {server} or a newer version");
    match found {
        None => bail!("pg_dump and pg_restore are missing; {remedy}"),
        Some(found) if found < server => bail!(
            "pg_dump of PostgreSQL {found} is older than the server, which is PostgreSQL {server}; {remedy}"
        ),
        Some(_) => Ok(()),
    }
}

fn schemas(part: Part) -> &'static [&'static str] {
    match part {
        Part::Service => &["--schema=tenancy", "--schema=public"],
        Part::App => &["--schema=app"],
    }
}

fn version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number =
        text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Passes the connection without the password, which only the environment of the program has.
fn connect_to(command: &mut Command, url: &Secret) -> Result<()> {
    let parts = PostgresUrl::parse(url.expose()).context("the URL of a database is invalid")?;
    let mut url = Url::parse(url.expose())?;
    url.set_password(None).map_err(|()| anyhow!("the URL of a database is invalid"))?;
    command.arg(format!("--dbname={url}")).env("PGPASSWORD", parts.password.expose());
    Ok(())
}

/// Reads the messages of a program, so that it never waits for their reader.
fn collect_message(child: &mut Child) -> Result<JoinHandle<String>> {
    let mut errors = child.stderr.take().context("a program has no error output")?;
    Ok(std::thread::spawn(move || {
        let mut message = Vec::new();
        let read = errors.by_ref().take(MOST_MESSAGE_BYTES).read_to_end(&mut message);
        // The rest is read, too: the program must not wait.
        let rest = std::io::copy(&mut errors, &mut std::io::sink());
        let mut message = String::from_utf8_lossy(&message).trim().replace('\n', "; ");
        if read.is_err() || rest.is_err() {
            message.push_str(" (the message is incomplete)");
        }
        message
    }))
}

/// A program whose end is awaited.
struct Finished {
    child: Child,
    message: JoinHandle<String>,
    name: &'static str,
    /// The remedy for an object that the program may not use.
    remedy: &'static str,
}

impl Finished {
    fn wait(mut self) -> Result<()> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        let message = self.message.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let message = format!("{} failed: {}", self.name, without_values(&message));
        // Each of these errors is about an object, and remains until somebody changes it.
        let is_refused = REFUSALS.iter().any(|text| message.contains(text));
        Err(if is_refused {
            Exit::Conflict.error(format!("{message}. {}", self.remedy))
        } else {
            anyhow!(message)
        })
    }
}

/// Parts of the messages of PostgreSQL about an object that a role may not use, or that a database does not have.
const REFUSALS: [&str; 4] =
    ["permission denied", "must be superuser", "must be owner", "does not exist"];
/// The remedy for an object that cannot be dumped.
const UNREADABLE: &str = "The export reads the schema app with the rights of the application's owner. Change its owner \
                          to the group of owners, or remove the object";
/// The remedy for an object that cannot be restored.
const NOT_CREATABLE: &str = "The schema app is restored with the rights of the application's owner, in a new database without objects outside of \
     the schemas app and public. Remove the object before the export, or create what it needs in the database for copies";

/// Returns a message without the lines that can have values of rows, which belong to the tenant.
fn without_values(message: &str) -> &str {
    let values = ["DETAIL:", "CONTEXT:", "QUERY:", "STATEMENT:", "Command was:"];
    let end = values.iter().filter_map(|begin| message.find(begin)).min();
    message[..end.unwrap_or(message.len())].trim()
}

/// A dump in progress.
pub struct Dump {
    child: Finished,
    bounds: Bounds,
}

impl Dump {
    /// Passes each piece to `write`, until the dump is complete.
    ///
    /// # Errors
    /// The dump failed, or took too long.
    pub fn read(mut self, mut write: impl FnMut(Vec<u8>) -> Result<()>) -> Result<()> {
        let output = self.child.child.stdout.take().context("pg_dump has no output")?;
        let pieces = read_pieces(output);
        loop {
            let outcome = self.next(&pieces).and_then(|piece| match piece {
                Some(piece) => write(piece).map(|()| true),
                None => Ok(false),
            });
            match outcome {
                Ok(true) => {}
                Ok(false) => return self.child.wait(),
                Err(error) => {
                    // The program may wait for a lock. The reason why it ends is this error.
                    let _ = self.child.child.kill();
                    let _ = self.child.wait();
                    return Err(error);
                }
            }
        }
    }

    /// Returns the next piece; `None` at the end.
    fn next(&self, pieces: &Receiver<std::io::Result<Vec<u8>>>) -> Result<Option<Vec<u8>>> {
        let received = match self.bounds.left()? {
            None => pieces.recv().map_err(RecvTimeoutError::from),
            Some(left) => pieces.recv_timeout(left),
        };
        match received {
            Ok(piece) => Ok(Some(piece.context("reading the output of pg_dump")?)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(self.bounds.exceeded()),
        }
    }
}

/// Reads an output in pieces, of which at most two wait.
fn read_pieces(mut output: ChildStdout) -> Receiver<std::io::Result<Vec<u8>>> {
    let (sender, pieces) = sync_channel(1);
    std::thread::spawn(move || {
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let read = output.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            let piece = match read {
                Ok(0) => return,
                Ok(_) => Ok(piece),
                Err(error) => Err(error),
            };
            let is_over = piece.is_err();
            // Nobody reads a dump that is cancelled.
            if sender.send(piece).is_err() || is_over {
                return;
            }
        }
    });
    pieces
}

/// A restore in progress.
pub struct Restore {
    input: Option<ChildStdin>,
    child: Finished,
}

impl Restore {
    /// Restores the next piece.
    pub fn write(&mut self, piece: &[u8]) -> Result<()> {
        let input = self.input.as_mut().context("pg_restore has no input")?;
        // The program ends early after an error, which its message explains.
        match input.write_all(piece) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.input = None;
                Ok(())
            }
            outcome => outcome.context("writing to pg_restore"),
        }
    }

    /// Returns whether the program has ended before its input.
    pub fn has_failed(&self) -> bool {
        self.input.is_none()
    }

    /// Ends the input and waits for the commit.
    pub fn finish(mut self) -> Result<()> {
        drop(self.input.take());
        self.child.wait()
    }
}

/// Opens a session for long work, whose output does not depend on settings. Code of the tenant can run in it, for example
/// a cast, so each statement has a limit.
pub async fn session(url: &Secret, bounds: Bounds) -> Result<Client> {
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
             SET bytea_output = 'hex'",
            bounds.statement()?.as_millis(),
            bounds.lock().as_millis(),
        ))
        .await?;
    Ok(client)
}

/// Returns the major version of the server.
pub async fn server_version(client: &Client) -> Result<u32> {
    let statement = "SELECT current_setting('server_version_num')::int / 10000";
    let version: i32 = client.query_one(statement, &[]).await?.try_get(0)?;
    Ok(u32::try_from(version)?)
}

/// Returns the extensions of a database, except those that every database has.
pub async fn extensions(client: &Client) -> Result<Vec<Extension>> {
    let statement = "SELECT e.extname::text, n.nspname::text
                     FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                     WHERE e.extname <> 'plpgsql' ORDER BY e.extname";
    let rows = client.query(statement, &[]).await?;
    rows.iter()
        .map(|row| Ok(Extension { name: row.try_get(0)?, schema: row.try_get(1)? }))
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_or_missing_program_is_refused() {
        let message = |found| check_version(found, 16).unwrap_err().to_string();
        assert!(message(None).starts_with("pg_dump and pg_restore are missing; install"));
        assert!(message(Some(15)).contains("PostgreSQL 15 is older than the server"));
        assert!(check_version(Some(16), 16).is_ok() && check_version(Some(17), 16).is_ok());
    }

    #[test]
    fn messages_have_no_values() {
        let message = "pg_restore: error: COPY failed for table \"c\": ERROR: refused\nCONTEXT: COPY c, line 1: \"a secret\"\nDETAIL: x";
        let shown = without_values(message);
        assert!(shown.ends_with("ERROR: refused"), "{shown}");
        assert_eq!(without_values("no space left"), "no space left");
    }

    #[test]
    fn password_is_not_an_argument() {
        let mut command = Command::new("pg_dump");
        let url = "postgres://tenancy:p%40ss@db.internal:5432/tenant_1?sslmode=require";
        connect_to(&mut command, &Secret::from(url.to_owned())).unwrap();
        let arguments: Vec<_> = command.get_args().map(|text| text.to_str().unwrap()).collect();
        assert_eq!(
            arguments,
            ["--dbname=postgres://tenancy@db.internal:5432/tenant_1?sslmode=require"]
        );
        let password = command.get_envs().find(|(name, _)| *name == "PGPASSWORD").unwrap().1;
        assert_eq!(password.and_then(|text| text.to_str()), Some("p@ss"));
    }
}
