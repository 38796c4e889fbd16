//! `tenantctl backup`: bundles of many tenants in a folder.

use std::{fs, path::PathBuf, rc::Rc, time::Duration};

use anyhow::{Context as _, Result};
use chrono::SecondsFormat;
use serde_json::json;
use tenancy::{
    Context,
    bundle::Kind,
    identifier::Slug,
    input::Text as _,
    tenant::{Status, TenantRecord, repo},
};

use super::{
    Keys, Recipients,
    bounds::Bounds,
    envelope::{Output, Sealing},
    export,
    import::{check_origin, create, remove_earlier_attempt},
    lost::LostFiles,
    restore,
    service::{Client, Service},
    source::{Source, read_header},
};
use crate::{environment, exit::Exit, output};

/// The extension of a bundle.
const EXTENSION: &str = "tenancy";

/// The commands for backups.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Writes a backup of one tenant or of all tenants to a folder.
    Create(Create),
    /// Lists the backups in a folder.
    List(List),
    /// Restores a backup to a scratch database, compares it, and drops the database.
    Verify(Verify),
    /// Brings one tenant back to the moment of a backup.
    Restore(restore::Arguments),
}

/// The options of `backup create`.
#[derive(clap::Args)]
pub struct Create {
    /// The folder.
    folder: PathBuf,
    /// The slug of a tenant, or `all`.
    #[arg(long, default_value = "all")]
    tenant: String,
    /// The longest time in seconds for one tenant. A tenant that takes longer fails, and the others follow.
    #[arg(long, value_name = "SECONDS", default_value_t = 900,
          value_parser = clap::value_parser!(u64).range(1..=604_800))]
    tenant_timeout: u64,
    /// The longest wait in seconds for a lock of a tenant's application.
    #[arg(long, value_name = "SECONDS", default_value_t = 10,
          value_parser = clap::value_parser!(u64).range(1..=3_600))]
    lock_timeout: u64,
    #[command(flatten)]
    recipients: Recipients,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

/// The options of `backup list`.
#[derive(clap::Args)]
pub struct List {
    /// The folder.
    folder: PathBuf,
    /// Prints a line of JSON for each backup.
    #[arg(long)]
    json: bool,
}

/// The options of `backup verify`.
#[derive(clap::Args)]
pub struct Verify {
    /// The backup.
    file: PathBuf,
    #[command(flatten)]
    keys: Keys,
    /// Accepts a backup that another installation made; see `tenant import`.
    #[arg(long)]
    from_other_installation: bool,
    #[command(flatten)]
    lost_files: LostFiles,
    #[command(flatten)]
    service: Service,
}

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Create(arguments) => create_all(arguments).await,
        Command::List(arguments) => list(arguments),
        Command::Verify(arguments) => verify(arguments).await,
        Command::Restore(arguments) => restore::run(arguments).await,
    }
}

/// The tenants of a run that need attention.
#[derive(Default)]
struct Summary {
    backups: u32,
    failed: Vec<String>,
    unreadable: u32,
    with_lost_files: Vec<String>,
}

/// Writes the backups, one after another. A tenant that fails is reported and does not stop the others: the next run tries
/// it again.
async fn create_all(arguments: &Create) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let sealing = arguments.recipients.read()?;
    fs::create_dir_all(&arguments.folder)
        .with_context(|| format!("the folder {}", arguments.folder.display()))?;
    let create = Creation { context: &context, arguments, sealing: &sealing, client: &client };
    if arguments.tenant != "all" {
        let tenant = super::find(&context, &arguments.tenant).await?;
        return arguments.lost_files.report(&create.run(&tenant).await?);
    }
    let mut summary = Summary::default();
    let catalog = context.catalog().await?;
    let found = repo::list_with_database(&*catalog).await?;
    for row in found.unreadable {
        summary.unreadable += 1;
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    let is_in_use =
        |tenant: &TenantRecord| matches!(tenant.status, Status::Active | Status::Suspended);
    for tenant in found.items.into_iter().filter(is_in_use) {
        let slug = tenant.slug.to_string();
        let created = create.run(&tenant).await;
        match repo::unless_destroyed(&*catalog, tenant.id, created).await {
            Ok(None) => {}
            Ok(Some(lost)) => {
                summary.backups += 1;
                if let Err(error) = arguments.lost_files.report(&lost) {
                    output::failure(&error.context(format!("the tenant {slug}")));
                    summary.with_lost_files.push(slug);
                }
            }
            Err(error) => {
                output::failure(&error.context(format!("the tenant {slug}")));
                summary.failed.push(slug);
            }
        }
    }
    summary.report()
}

impl Summary {
    /// Prints the last line.
    ///
    /// # Errors
    /// [`Exit::Partial`] if a tenant has no new backup or lost files.
    fn report(&self) -> Result<()> {
        let line = json!({ "backups": self.backups, "failed_tenants": self.failed,
            "unreadable_tenants": self.unreadable, "tenants_with_lost_files": self.with_lost_files });
        output::line(&line.to_string());
        let mut problems = Vec::new();
        if !self.failed.is_empty() {
            let (count, named) = (self.failed.len(), self.failed.join(", "));
            problems.push(format!("{count} tenants have no new backup: {named}"));
        }
        if self.unreadable > 0 {
            problems.push(format!("{} tenants have invalid rows in the catalog", self.unreadable));
        }
        if !self.with_lost_files.is_empty() {
            let named = self.with_lost_files.join(", ");
            problems.push(format!("the key-value store has lost files of {named}"));
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(Exit::Partial.error(format!("{}. Repeat the command", problems.join("; "))))
    }
}

struct Creation<'a> {
    context: &'a Rc<Context>,
    arguments: &'a Create,
    sealing: &'a Sealing,
    client: &'a Client,
}

impl Creation<'_> {
    /// Writes the backup of one tenant. Returns its lost files.
    async fn run(&self, tenant: &TenantRecord) -> Result<Vec<String>> {
        let Create { folder, tenant_timeout, lock_timeout, .. } = self.arguments;
        let now = self.context.platform.clock.now();
        let time = now.to_rfc3339_opts(SecondsFormat::Millis, true).replace([':', '-', '.'], "");
        let path = folder.join(format!("{}.{time}.{EXTENSION}", tenant.slug));
        let file = Output::create(&path, self.sealing)?;
        let bounds =
            Bounds::begin(Duration::from_secs(*tenant_timeout), Duration::from_secs(*lock_timeout));
        let exported = export::export(self.context, tenant, self.client, bounds, file).await?;
        let detail = export::record(self.context, tenant, &exported).await?;
        let (missing, lost) = (exported.missing, exported.lost);
        let length = exported.output.finish()?;
        let line = json!({ "backed_up_tenant": tenant.slug, "file": path, "bytes": length,
            "bundle": detail["bundle"], "files": detail["files"], "missing_files": missing,
            "lost_files": lost });
        output::line(&line.to_string());
        Ok(lost)
    }
}

/// Lists the backups by their names, so no key is needed.
fn list(arguments: &List) -> Result<()> {
    let folder = &arguments.folder;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("the folder {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let parts: Vec<&str> = name.split('.').collect();
        if let [slug, time, EXTENSION] = parts[..] {
            found.push((slug.to_owned(), time.to_owned(), entry.metadata()?.len(), name.clone()));
        }
    }
    found.sort();
    for (slug, time, bytes, name) in found {
        if arguments.json {
            let line = json!({ "tenant": slug, "created_at": time, "bytes": bytes, "file": name });
            output::line(&line.to_string());
        } else {
            output::line(&format!("{slug:<32} {time:<20} {bytes:>14} {name}"));
        }
    }
    Ok(())
}

async fn verify(arguments: &Verify) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let opening = arguments.keys.read()?;
    let header = read_header(&arguments.file, &opening)?;
    let source = Source::open(&context, &arguments.file, opening)?;
    check_origin(&source, arguments.from_other_installation)?;
    // The same name for each attempt, so that a repeated command removes the copy of an interrupted one.
    let slug = format!("verify-{}", header.bundle.simple());
    let slug = Slug::parse(&slug).map_err(|reason| anyhow::anyhow!("the slug {slug} {reason}"))?;
    remove_earlier_attempt(&context, uuid::Uuid::nil(), &slug).await?;
    let line = create(&context, &source, Kind::Verify, &slug, false, &client).await?;
    output::line(&line.to_string());
    arguments.lost_files.report(&source.lost)
}
