//! `tenantctl tenant export|import|clone` and `tenantctl backup`: a tenant as one encrypted file.
//!
//! The rules are in [`tenancy::bundle`], and docs/bundle.md describes the file.

mod backup;
mod bounds;
mod clone;
mod database;
mod envelope;
mod export;
mod fill;
mod format;
mod import;
mod lost;
mod restore;
mod service;
mod source;

use std::{path::PathBuf, rc::Rc};

use anyhow::{Context as _, Result, anyhow};
use serde_json::{Value as Json, json};
use tenancy::{
    Context,
    bundle::{
        import::{Unfinished, find as import_of, list, release_abandoned_files, roll_back},
        lock::{ImportLock, try_lock},
    },
    identifier::Slug,
    input::Text as _,
    tenant::{TenantRecord, repo},
};
use uuid::Uuid;

use self::{
    bounds::Bounds,
    envelope::{Keys, Output, Recipients},
    lost::LostFiles,
    service::Service,
};
use crate::{environment, output};

/// The commands for one tenant.
#[derive(clap::Subcommand)]
pub enum TenantCommand {
    /// Writes a tenant to an encrypted bundle: its rows in the catalog, database, files, usage and audit trail.
    Export(Export),
    /// Creates a tenant from a bundle, on this or another installation.
    Import(import::Arguments),
    /// Creates a copy of a tenant, with an id, keys for its role, and an audit trail of its own.
    Clone(clone::Arguments),
}

/// The options of `tenant export`.
#[derive(clap::Args)]
pub struct Export {
    /// The slug of the tenant.
    slug: String,
    /// The file to create.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    recipients: Recipients,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

pub use backup::Command as BackupCommand;

/// Runs a command for one tenant.
pub async fn run_tenant(command: &TenantCommand) -> Result<()> {
    match command {
        TenantCommand::Export(arguments) => export_one(arguments).await,
        TenantCommand::Import(arguments) => import::run(arguments).await,
        TenantCommand::Clone(arguments) => clone::run(arguments).await,
    }
}

/// Runs a command for backups.
pub async fn run_backup(command: &BackupCommand) -> Result<()> {
    backup::run(command).await
}

async fn export_one(arguments: &Export) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let sealing = arguments.recipients.read()?;
    let tenant = find(&context, &arguments.slug).await?;
    let file = Output::create(&arguments.to, &sealing)?;
    let exported = export::export(&context, &tenant, &client, Bounds::default(), file).await?;
    let detail = export::record(&context, &tenant, &exported).await?;
    let (missing, lost) = (exported.missing, exported.lost);
    let length = exported.output.finish()?;
    let line = json!({ "exported_tenant": tenant.slug, "file": arguments.to, "bytes": length,
        "bundle": detail["bundle"], "files": detail["files"], "missing_files": missing,
        "lost_files": lost, "is_audit_trail_valid": exported.is_trail_valid });
    output::line(&line.to_string());
    arguments.lost_files.report(&lost)
}

/// Returns the tenant with a slug.
async fn find(context: &Context, slug: &str) -> Result<TenantRecord> {
    let parsed = Slug::parse(slug).map_err(|reason| anyhow!("the slug {slug} {reason}"))?;
    let catalog = context.catalog().await?;
    let found = repo::find_by_slug(&*catalog, &parsed).await?;
    found.with_context(|| format!("there is no tenant {slug}"))
}

/// Returns the lock on a tenant.
async fn lock(context: &Context, tenant: Uuid) -> Result<ImportLock> {
    try_lock(context, tenant)
        .await?
        .context("another command imports or restores this tenant; wait until it has ended")
}

/// Finishes or removes imports and restores that a crash interrupted. Each of them prints a line of JSON. Returns the
/// number of failures.
pub async fn repair(context: &Context) -> Result<u32> {
    let mut failed = 0;
    let catalog = context.catalog().await?;
    let unfinished = list(&*catalog).await?;
    for row in unfinished.unreadable {
        failed += 1;
        output::failure(&anyhow::Error::from(row).context("an import"));
    }
    for unfinished in unfinished.items {
        // A command that still runs has the lock.
        let slug = &unfinished.tenant.slug;
        let outcome = async {
            let Some(_lock) = try_lock(context, unfinished.tenant.id).await? else {
                return Ok(None);
            };
            recover(context, &unfinished).await
        };
        match outcome.await {
            Ok(Some(line)) => output::line(&line.to_string()),
            Ok(None) => {}
            Err(error) => {
                failed += 1;
                output::failure(&error.context(format!("the import of the tenant {slug}")));
            }
        }
    }
    let released = release_abandoned_files(&*catalog).await?;
    if released > 0 {
        output::line(&json!({ "released_files_of_imports": released }).to_string());
    }
    Ok(failed)
}

/// Finishes a restore that exchanged the databases, and removes everything else.
async fn recover(context: &Context, unfinished: &Unfinished) -> Result<Option<Json>> {
    let slug = unfinished.tenant.slug.as_str();
    if unfinished.kind != tenancy::bundle::Kind::Restore {
        let is_removed = roll_back(context, unfinished).await?;
        return Ok(is_removed.then(|| json!({ "removed_unfinished_import": slug })));
    }
    // Another command may have finished it before this one had the lock.
    let catalog = context.catalog().await?;
    let found = import_of(&*catalog, unfinished.tenant.id, slug).await?;
    let Some(unfinished) = &found.filter(|found| found.id == unfinished.id) else {
        return Ok(None);
    };
    let is_restored = tenancy::bundle::restore::recover(context, unfinished).await?;
    let name = if is_restored { "finished_restore" } else { "removed_unfinished_restore" };
    Ok(Some(json!({ (name): slug })))
}
