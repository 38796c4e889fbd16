//! `pg_dump` and `pg_restore`.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use anyhow::{Context as _, Result, anyhow, bail};
use tenancy::{postgres_url::PostgresUrl, secret::Secret};
use url::Url;

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
    /// Finds the programs: in a folder, or else beside `pg_config`, the newest ones of Debian, or on the path.
    ///
    /// # Errors
    /// They are missing, or older than the server.
    pub fn find(folder: Option<&Path>, server: u32) -> Result<Self> {
        let folders = folder.map_or_else(usual_folders, |folder| vec![folder.to_owned()]);
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

    /// Returns the command of a dump, in the custom format and without compression. The caller adds the schemas.
    pub fn dump(&self, url: &Secret) -> Result<Command> {
        let mut command = Command::new(&self.pg_dump);
        command.args(["--format=custom", "--compress=0"]);
        connect_to(&mut command, url)?;
        Ok(command)
    }

    /// Returns the command of a restore in one transaction. The objects belong to the role of `url`. The caller adds the
    /// schemas.
    pub fn restore(&self, url: &Secret) -> Result<Command> {
        let mut command = Command::new(&self.pg_restore);
        command.args(["--no-owner", "--exit-on-error", "--single-transaction"]);
        connect_to(&mut command, url)?;
        Ok(command)
    }
}

fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders
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

/// A running program. It is killed if this value is dropped.
pub struct Program {
    /// The process.
    pub child: Child,
    name: &'static str,
    message: Option<JoinHandle<String>>,
}

impl Program {
    /// Starts a program. Its messages are read, so that it never waits for their reader.
    pub fn start(mut command: Command, name: &'static str) -> Result<Self> {
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("starting {name}"))?;
        let mut errors = child.stderr.take().context("a program has no error output")?;
        let message = std::thread::spawn(move || {
            let mut message = Vec::new();
            let read = errors.by_ref().take(MOST_MESSAGE_BYTES).read_to_end(&mut message);
            let rest = std::io::copy(&mut errors, &mut std::io::sink());
            let mut message = String::from_utf8_lossy(&message).trim().replace('\n', "; ");
            if read.is_err() || rest.is_err() {
                message.push_str(" (the message is incomplete)");
            }
            message
        });
        Ok(Self { child, name, message: Some(message) })
    }

    /// Returns whether the program has ended.
    pub fn has_ended(&mut self) -> Result<bool> {
        let status = self.child.try_wait();
        Ok(status.with_context(|| format!("waiting for {}", self.name))?.is_some())
    }

    /// Waits for the end of the program, and returns its message if it failed. The message has no values of rows.
    pub fn failure(&mut self) -> Result<Option<String>> {
        let status = self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        if status.success() {
            return Ok(None);
        }
        let message = self.message.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        Ok(Some(format!("{} failed: {}", self.name, without_values(&message))))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a message without the lines that can have values of rows, which belong to the tenant.
fn without_values(message: &str) -> &str {
    let values = ["DETAIL:", "CONTEXT:", "QUERY:", "STATEMENT:", "Command was:"];
    let end = values.iter().filter_map(|begin| message.find(begin)).min();
    message[..end.unwrap_or(message.len())].trim()
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
    fn failed_program_returns_its_message() {
        let run = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Program::start(command, "sh").unwrap().failure().unwrap()
        };
        assert_eq!(run("exit 0"), None);
        let failed = run("echo 'refused' >&2; echo 'DETAIL: a secret' >&2; exit 1").unwrap();
        assert_eq!(failed, "sh failed: refused;");
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
