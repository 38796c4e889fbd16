//! `tenantctl audit export`

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use tenancy::{
    audit::{self, Filter, Format},
    body::BodyReader as _,
    event::Severity,
    input::Text as _,
};

use crate::{environment, exit::Exit, find, output};

/// The options of `audit export`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of one tenant. The default is the platform and all tenants.
    #[arg(long)]
    tenant: Option<String>,
    /// The format: ndjson (one JSON object per line) or csv.
    #[arg(long, default_value = "ndjson", value_parser = Format::parse)]
    format: Format,
    /// An event name, or a prefix that ends with a dot, such as user.
    #[arg(long)]
    event: Option<String>,
    /// The id of a user or a key, or a kind of actor, such as platform.
    #[arg(long)]
    actor: Option<String>,
    /// The id or the kind of the affected resource.
    #[arg(long)]
    resource: Option<String>,
    /// The severity: info, warning or critical.
    #[arg(long, value_parser = Severity::parse)]
    severity: Option<Severity>,
    /// Whether the action succeeded.
    #[arg(long)]
    succeeded: Option<bool>,
    /// The earliest time, inclusive, such as 2030-01-31T12:00:00Z.
    #[arg(long, value_parser = <DateTime<Utc>>::parse)]
    from: Option<DateTime<Utc>>,
    /// The latest time, exclusive.
    #[arg(long, value_parser = <DateTime<Utc>>::parse)]
    to: Option<DateTime<Utc>>,
    /// Writes to this new file instead of standard output. Only its owner can read it.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// Exports the events, newest first.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = match &arguments.tenant {
        // The trail of a destroyed tenant has only an id.
        Some(name) => Some(match find::tenant(&context, name).await {
            Ok(tenant) => tenant.id,
            Err(error) => name.parse().map_err(|_| error)?,
        }),
        None => None,
    };
    let mut file = arguments.file.as_deref().map(NewFile::create).transpose()?;
    // The export includes the most recent events.
    audit::flush_catalog(&context, tenant).await?;
    let filter = Filter {
        tenant,
        event: arguments.event.clone(),
        actor: arguments.actor.clone(),
        resource: arguments.resource.clone(),
        severity: arguments.severity,
        succeeded: arguments.succeeded,
        from: arguments.from,
        to: arguments.to,
    };
    let mut export = audit::Export::begin(&context, filter, arguments.format).await?;
    let mut bytes = 0;
    while let Some(page) = export.read().await? {
        bytes += page.len();
        let written = match &mut file {
            Some(file) => file.write(&page),
            None => stdout().write_all(&page),
        };
        match written {
            // The reader has seen enough (`| head`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe && file.is_none() => {
                return Ok(());
            }
            written => written.context("the output")?,
        }
    }
    match file {
        Some(file) => {
            let path = file.finish().context("the output")?;
            output::object(&serde_json::json!({ "file": path, "bytes": bytes }))
        }
        None => stdout().flush().context("the output"),
    }
}

/// A file that gets its name when it is complete. After an interruption, only `NAME.partial` exists, which the next
/// attempt replaces.
struct NewFile<'a> {
    path: &'a Path,
    partial: PathBuf,
    file: File,
}

impl<'a> NewFile<'a> {
    fn create(path: &'a Path) -> Result<Self> {
        let refuse = |error: &dyn std::fmt::Display| {
            Exit::Usage.error(format!("{}: {error}", path.display()))
        };
        if path.symlink_metadata().is_ok() {
            return Err(refuse(&"the file exists"));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(refuse(&error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial).map_err(|error| refuse(&error))?;
        Ok(Self { path, partial, file })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives the file its name, and returns it.
    fn finish(self) -> std::io::Result<&'a Path> {
        self.file.sync_all()?;
        // Unlike a renaming, this does not replace a file that was created meanwhile.
        fs::hard_link(&self.partial, self.path)?;
        fs::remove_file(&self.partial)?;
        Ok(self.path)
    }
}
