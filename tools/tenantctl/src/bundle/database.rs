//! The dumps and restores of a bundle.

use std::{
    io::{Read as _, Write as _},
    process::{ChildStdin, ChildStdout, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
};

use anyhow::{Context as _, Result, anyhow};
use tenancy::secret::Secret;
use tokio_postgres::Client;

use super::{
    bounds::Bounds,
    format::{Extension, Part},
};
use crate::{
    exit::Exit,
    postgres::{
        self,
        programs::{Program, Programs},
    },
};

/// The size of a piece of a dump in bytes.
const PIECE: usize = 256 << 10;

/// Starts the dump of a part in the snapshot of another session.
pub fn dump(
    programs: &Programs,
    url: &Secret,
    part: Part,
    snapshot: &str,
    bounds: Bounds,
) -> Result<Dump> {
    let mut command = programs.dump(url)?;
    // A lock of the tenant's application must not stop the export.
    command.arg(format!("--lock-wait-timeout={}", bounds.lock().as_millis()));
    command.args(["--no-owner", "--no-privileges"]).args(schemas(part));
    command.arg(format!("--snapshot={snapshot}")).stdin(Stdio::null()).stdout(Stdio::piped());
    let program = Program::start(command, "pg_dump")?;
    Ok(Dump { program, bounds })
}

/// Starts the restore of a part in one transaction.
pub fn restore(programs: &Programs, url: &Secret, part: Part) -> Result<Restore> {
    let mut command = programs.restore(url)?;
    command.arg("--no-privileges").args(schemas(part)).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut program = Program::start(command, "pg_restore")?;
    let input = program.child.stdin.take();
    Ok(Restore { input, program })
}

fn schemas(part: Part) -> &'static [&'static str] {
    match part {
        Part::Service => &["--schema=tenancy", "--schema=public"],
        Part::App => &["--schema=app"],
    }
}

/// Waits for a program. An error about an object, which remains until somebody changes it, gets this remedy.
fn finish(mut program: Program, remedy: &str) -> Result<()> {
    let Some(message) = program.failure()? else { return Ok(()) };
    let is_refused = REFUSALS.iter().any(|text| message.contains(text));
    Err(if is_refused {
        Exit::Conflict.error(format!("{message}. {remedy}"))
    } else {
        anyhow!(message)
    })
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

/// A dump in progress.
pub struct Dump {
    program: Program,
    bounds: Bounds,
}

impl Dump {
    /// Passes each piece to `write`, until the dump is complete.
    ///
    /// # Errors
    /// The dump failed, or took too long.
    pub fn read(mut self, mut write: impl FnMut(Vec<u8>) -> Result<()>) -> Result<()> {
        let output = self.program.child.stdout.take().context("pg_dump has no output")?;
        let pieces = read_pieces(output);
        loop {
            let outcome = self.next(&pieces).and_then(|piece| match piece {
                Some(piece) => write(piece).map(|()| true),
                None => Ok(false),
            });
            match outcome {
                Ok(true) => {}
                Ok(false) => return finish(self.program, UNREADABLE),
                // The program, which may wait for a lock, is killed.
                Err(error) => return Err(error),
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
    program: Program,
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
        finish(self.program, NOT_CREATABLE)
    }
}

/// Opens a session for an export or an import. Code of the tenant can run in it, so each statement has a limit.
pub async fn session(url: &Secret, bounds: Bounds) -> Result<Client> {
    postgres::session(url, bounds.limits()?).await
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
