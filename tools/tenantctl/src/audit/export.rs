//! `tenantctl audit export`

use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use tenancy::{
    audit::{self, Filter, Format},
    event::Severity,
    input::Text as _,
};

use crate::{
    document::{self, NewFile},
    environment, find,
};

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
    let file = NewFile::create_if_named(arguments.file.as_deref())?;
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
    let export = audit::Export::begin(&context, filter, arguments.format).await?;
    document::write(export, file).await
}
