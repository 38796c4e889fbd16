//! Copies a schema with `pg_dump` and `pg_restore`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tenancy::{postgres_url::PostgresUrl, secret::Secret};

/// The interval at which the programs are observed.
const LOOK: Duration = Duration::from_millis(20);
/// The interval of the signs of life.
const BEAT: Duration = Duration::from_secs(1);
/// The maximum number of bytes of a message.
const MOST_BYTES: u64 = 4_096;

/// The paths of the programs.
pub struct Programs {
    dump: PathBuf,
    restore: PathBuf,
}

impl Programs {
    /// Finds the programs in a folder, in PATH, or in the newest version of Debian's packages.
    pub fn find(folder: Option<&Path>) -> Result<Self> {
        let folder = match folder {
            Some(folder) => Some(folder.to_owned()),
            None if is_in_path("pg_dump") => None,
            None => Some(newest_package().context("pg_dump is missing: pass --pg-bin")?),
        };
        let path = |name: &str| folder.as_ref().map_or_else(|| name.into(), |at| at.join(name));
        Ok(Self { dump: path("pg_dump"), restore: path("pg_restore") })
    }

    /// Copies schemas without their owners: the objects belong to the role of `to`. `alive` is called every second, and its
    /// failure stops the copy.
    pub async fn copy(
        &self,
        schemas: &[&str],
        from: &Secret,
        to: &Secret,
        alive: &impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        let mut dump = command(&self.dump, from)?;
        dump.args(["--format=custom", "--compress=0", "--no-sync", "--no-comments"])
            .args(["--no-publications", "--no-subscriptions", "--no-security-labels"])
            .args(schemas.iter().map(|schema| format!("--schema={schema}")))
            .stdout(Stdio::piped());
        let mut dump = Running::start(dump, "pg_dump")?;
        let output = dump.child.stdout.take().context("pg_dump has no output")?;
        let mut restore = command(&self.restore, to)?;
        restore
            .args(["--exit-on-error", "--no-comments", "--single-transaction", "--no-owner"])
            .stdin(Stdio::from(output))
            .stdout(Stdio::null());
        // The schemas themselves exist, with their privileges.
        restore.args(schemas.iter().map(|schema| format!("--schema={schema}")));
        let mut restore = Running::start(restore, "pg_restore")?;
        let mut next = Instant::now();
        loop {
            if Instant::now() >= next {
                alive().await?;
                next = Instant::now() + BEAT;
            }
            if let (true, true) = (dump.is_done()?, restore.is_done()?) {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        // If the restoration fails, the dump fails, too, because nobody reads it.
        restore.check().with_context(|| format!("the schema {}", schemas.join(", ")))?;
        dump.check().with_context(|| format!("the schema {}", schemas.join(", ")))
    }
}

/// Returns the command of a program that connects to a database. The password is in the environment, because command
/// lines are visible.
fn command(program: &Path, url: &Secret) -> Result<Command> {
    let mut url = PostgresUrl::parse(url.expose()).context("the URL of a database is invalid")?;
    let password = std::mem::replace(&mut url.password, Secret::from(String::new()));
    let mut command = Command::new(program);
    command
        .arg(format!("--dbname={}", url.to_text().expose()))
        .env("PGPASSWORD", password.expose())
        .env("LC_ALL", "C")
        .env("PGOPTIONS", "-c statement_timeout=0 -c idle_session_timeout=0")
        .stdin(Stdio::null());
    Ok(command)
}

/// A running program. It is killed if this value is dropped.
struct Running {
    name: &'static str,
    child: Child,
    messages: Option<JoinHandle<String>>,
    is_successful: Option<bool>,
}

impl Running {
    fn start(mut command: Command, name: &'static str) -> Result<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn().with_context(|| name.to_owned())?;
        let errors = child.stderr.take().context("a program has no error output")?;
        let messages = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut errors = errors;
            // A read error only shortens the message.
            let _ = errors.by_ref().take(MOST_BYTES).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut errors, &mut std::io::sink());
            String::from_utf8_lossy(&bytes).trim().to_owned()
        });
        Ok(Self { name, child, messages: Some(messages), is_successful: None })
    }

    fn is_done(&mut self) -> Result<bool> {
        if self.is_successful.is_none() {
            self.is_successful = self.child.try_wait()?.map(|status| status.success());
        }
        Ok(self.is_successful.is_some())
    }

    fn check(&mut self) -> Result<()> {
        let messages = self.messages.take().and_then(|thread| thread.join().ok());
        if self.is_successful != Some(true) {
            bail!("{} failed: {}", self.name, messages.unwrap_or_default());
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_successful.is_none() {
            // It may have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Returns the folder of the newest programs of Debian's packages.
fn newest_package() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path()));
    let folders = folders.filter(|path| path.join("bin/pg_dump").is_file());
    folders.max_by_key(version).map(|path| path.join("bin"))
}
