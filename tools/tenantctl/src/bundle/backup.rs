//! `tenantctl backup`: bundles of many tenants in a folder.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::{Context as _, Result, bail};
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
    envelope::{Output, Sealing},
    export,
    import::{check_origin, create, remove_earlier_attempt},
    restore,
    service::{Client, Service},
    source::{Source, read_header},
};
use crate::{environment, output};

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
    #[command(flatten)]
    recipients: Recipients,
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

/// Writes the backups, one after another. A tenant that fails is reported and does not stop the others.
async fn create_all(arguments: &Create) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let client = arguments.service.client(&context.settings)?;
    let sealing = arguments.recipients.read()?;
    fs::create_dir_all(&arguments.folder)
        .with_context(|| format!("the folder {}", arguments.folder.display()))?;
    let mut failed = 0_u32;
    let tenants = if arguments.tenant == "all" {
        let found = repo::list_with_database(&*context.catalog().await?).await?;
        for row in found.unreadable {
            failed += 1;
            output::failure(&anyhow::Error::from(row).context("a tenant"));
        }
        let is_in_use =
            |tenant: &TenantRecord| matches!(tenant.status, Status::Active | Status::Suspended);
        found.items.into_iter().filter(is_in_use).collect()
    } else {
        vec![super::find(&context, &arguments.tenant).await?]
    };
    for tenant in &tenants {
        if let Err(error) = create_one(&context, tenant, &arguments.folder, &sealing, &client).await
        {
            failed += 1;
            output::failure(&error.context(format!("the tenant {}", tenant.slug)));
        }
    }
    if failed > 0 {
        bail!("{failed} tenants have no new backup");
    }
    Ok(())
}

async fn create_one(
    context: &Rc<Context>,
    tenant: &TenantRecord,
    folder: &Path,
    sealing: &Sealing,
    client: &Client,
) -> Result<()> {
    let now = context.platform.clock.now();
    let time = now.to_rfc3339_opts(SecondsFormat::Millis, true).replace([':', '-', '.'], "");
    let path = folder.join(format!("{}.{time}.{EXTENSION}", tenant.slug));
    let file = Output::create(&path, sealing)?;
    let exported = export::export(context, tenant, client, file).await?;
    let detail = export::record(context, tenant, &exported).await?;
    let missing = exported.missing;
    let length = exported.output.finish()?;
    let line = json!({ "backed_up_tenant": tenant.slug, "file": path, "bytes": length,
        "bundle": detail["bundle"], "files": detail["files"], "missing_files": missing });
    output::line(&line.to_string());
    Ok(())
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
    Ok(())
}
