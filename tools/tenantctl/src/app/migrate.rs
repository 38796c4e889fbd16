//! `tenantctl app migrate`

use std::{cell::Cell, collections::HashSet, fs, path::PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;
use tenancy::{
    Context,
    app_migration::{self, MigrationFile, State, TemporaryRole, checksum_of_all},
    tenant::{
        Status, TenantRecord,
        cluster::{self, Cluster},
        repo,
    },
};
use uuid::Uuid;

use super::{
    database::{self, Limits, Migrated},
    rings::Ring,
};
use crate::{
    environment, output,
    runner::{self, Options, Outcome},
};

/// The options of `app migrate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder with the files `0001_name.sql`, `0002_name.sql`, and so on.
    folder: PathBuf,
    /// The groups of tenants in this order, with commas: names, percentages and all. The next group starts if no tenant
    /// of the previous ones failed. A name selects tenants whose private setting `ring` has it.
    #[arg(long, value_delimiter = ',', value_parser = Ring::parse, default_value = "all")]
    ring: Vec<Ring>,
    /// The slug of a tenant, instead of rings. May be repeated.
    #[arg(long, conflicts_with = "ring")]
    tenant: Vec<String>,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    limits: Limits,
    /// Shows the files that would run, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Also compares the files with each database whose recorded state is current.
    #[arg(long)]
    verify: bool,
    /// Prints a line of JSON for each tenant.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn is_json(&self) -> bool {
        self.json || output::is_json()
    }
}

/// Applies the files to the tenants.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let files = read_folder(&arguments.folder)?;
    let context = environment::context()?;
    let catalog = context.catalog().await?;
    let changed = app_migration::list_changed_files(&*catalog, &files).await?;
    if !changed.is_empty() {
        bail!("files that ran already were changed or removed: {}", changed.join(", "));
    }
    let run = Run { context: &context, arguments, files: &files, recorded: Cell::new(0) };
    let mut total = Outcome::default();
    if arguments.tenant.is_empty() {
        let mut seen = HashSet::new();
        for ring in &arguments.ring {
            if *ring == Ring::All {
                run.templates()
                    .await
                    .context("the template database; no other tenant was started")?;
            }
            let outcome = run.ring(ring, &mut seen).await?;
            total = add(total, outcome);
            if outcome.failed > 0 {
                break;
            }
        }
    } else {
        let mut tenants = list(&context).await?;
        for slug in &arguments.tenant {
            if !tenants.iter().any(|tenant| tenant.slug.as_str() == slug) {
                bail!("there is no tenant {slug} with a database");
            }
        }
        tenants.retain(|tenant| arguments.tenant.iter().any(|slug| tenant.slug.as_str() == slug));
        total = run.tenants(&tenants).await?;
    }
    let Outcome { done, failed, skipped } = total;
    if !arguments.is_json() {
        output::line(&format!("tenants: {done} done, {failed} failed, {skipped} not started"));
    }
    if failed > 0 {
        bail!("{failed} tenants could not be migrated; repeat the command after a repair");
    }
    Ok(())
}

/// Reads the files of a folder. Other files than `*.sql` are ignored.
fn read_folder(folder: &PathBuf) -> Result<Vec<MigrationFile>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let sql = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            files.push((name, sql));
        }
    }
    let files = MigrationFile::read_all(files).map_err(|problem| anyhow!(problem))?;
    if files.is_empty() {
        bail!("{} has no file like 0001_name.sql", folder.display());
    }
    Ok(files)
}

/// Returns the tenants whose application may use its database. A deleted tenant is migrated by the first run after it was
/// restored.
async fn list(context: &Context) -> Result<Vec<TenantRecord>> {
    let catalog = context.catalog().await?;
    let rows = repo::list_with_database(&*catalog).await?;
    if let Some(row) = rows.unreadable.first() {
        bail!("{row}");
    }
    let mut tenants = rows.items;
    tenants.retain(|tenant| tenant.status != Status::Deleted);
    Ok(tenants)
}

/// Returns the name of the template database of a cluster in the output.
fn subject(cluster: &Cluster) -> String {
    if cluster.id == cluster::DEFAULT {
        "template".to_owned()
    } else {
        format!("template of {}", cluster.name)
    }
}

fn add(one: Outcome, other: Outcome) -> Outcome {
    Outcome {
        done: one.done + other.done,
        failed: one.failed + other.failed,
        skipped: one.skipped + other.skipped,
    }
}

struct Run<'a> {
    context: &'a Context,
    arguments: &'a Arguments,
    files: &'a [MigrationFile],
    /// The number of files that this run has recorded as used.
    recorded: Cell<usize>,
}

impl Run<'_> {
    fn newest(&self) -> i32 {
        self.files.last().map_or(0, |file| file.version)
    }

    /// Records the files up to a version as used, so that later runs refuse a change of them.
    async fn record_files(&self, version: i32) -> Result<()> {
        let used = self.files.iter().take_while(|file| file.version <= version).count();
        if used > self.recorded.get() {
            let catalog = self.context.catalog().await?;
            app_migration::record_files(&*catalog, &self.files[..used]).await?;
            self.recorded.set(self.recorded.get().max(used));
        }
        Ok(())
    }

    /// Migrates the template databases of all clusters, unless they are current.
    async fn templates(&self) -> Result<()> {
        for cluster in cluster::list(self.context).await? {
            self.template(&cluster)
                .await
                .with_context(|| format!("the cluster {}", cluster.name))?;
        }
        Ok(())
    }

    async fn template(&self, cluster: &Cluster) -> Result<()> {
        let catalog = self.context.catalog().await?;
        let wanted = checksum_of_all(self.files, self.newest());
        let name = tenancy::migrate::template_name(self.context);
        let state = app_migration::read_template(&*catalog, cluster.id).await?;
        if state.is_some_and(|state| state.checksum == wanted && state.name == name) {
            return Ok(());
        }
        if self.arguments.dry_run {
            self.print(&subject(cluster), &[], "would be migrated");
            return Ok(());
        }
        // Of two runs at once, the second waits, because both use one name for the copy and one role.
        let alone = database::template_alone(self.context).await?;
        let state = app_migration::read_template(&*catalog, cluster.id).await?;
        if state.is_some_and(|state| state.checksum == wanted && state.name == name) {
            return Ok(());
        }
        let outcome = self.migrate_template(cluster).await;
        drop(alone);
        outcome
    }

    async fn migrate_template(&self, cluster: &Cluster) -> Result<()> {
        let copy = app_migration::begin_template(self.context, cluster).await?;
        let url = copy.url(self.context);
        let migrated = database::migrate(url.expose(), self.files, &self.arguments.limits).await;
        let failure = match migrated {
            Ok(Migrated { failure: None, ran, .. }) => {
                self.record_files(self.newest()).await?;
                copy.finish(self.context, self.files).await?;
                self.print(&subject(cluster), &ran, "done");
                return Ok(());
            }
            Ok(Migrated { failure: Some(failure), .. }) => failure,
            Err(error) => error,
        };
        copy.abandon(self.context).await?;
        Err(failure)
    }

    /// Migrates the tenants of a ring that are not in `seen`. Tenants that were created meanwhile, perhaps from the older
    /// template, follow until there are no others.
    async fn ring(&self, ring: &Ring, seen: &mut HashSet<Uuid>) -> Result<Outcome> {
        let mut total = Outcome::default();
        loop {
            let mut tenants = list(self.context).await?;
            tenants.retain(|tenant| ring.contains(tenant) && !seen.contains(&tenant.id));
            if tenants.is_empty() || total.skipped > 0 {
                return Ok(total);
            }
            seen.extend(tenants.iter().map(|tenant| tenant.id));
            total = add(total, self.tenants(&tenants).await?);
        }
    }

    async fn tenants(&self, tenants: &[TenantRecord]) -> Result<Outcome> {
        let catalog = self.context.catalog().await?;
        let states = app_migration::list_states(&*catalog).await?;
        let wanted = checksum_of_all(self.files, self.newest());
        let is_current = |tenant: &TenantRecord| {
            let state = states.get(&tenant.id);
            state.is_some_and(|state| state.checksum == wanted && state.failure.is_none())
        };
        let (current, due): (Vec<_>, Vec<_>) = tenants
            .iter()
            .cloned()
            .partition(|tenant| !self.arguments.verify && is_current(tenant));
        if self.arguments.json {
            for tenant in &current {
                self.print(tenant.slug.as_str(), &[], "current");
            }
        }
        if self.arguments.dry_run {
            for tenant in &due {
                let version = states.get(&tenant.id).map_or(0, |state| state.version);
                let files = self.files.iter().filter(|file| file.version > version);
                let names: Vec<_> = files.map(|file| file.name.clone()).collect();
                self.print(tenant.slug.as_str(), &names, "would run");
            }
            return Ok(Outcome::default());
        }
        let report = |tenant: &TenantRecord, result: Result<Option<Vec<String>>>| match result {
            Ok(None) => {}
            Ok(Some(ran)) => self.print(tenant.slug.as_str(), &ran, "done"),
            Err(error) => {
                if self.arguments.is_json() {
                    let line = json!({ "tenant": tenant.slug, "failure": format!("{error:#}") });
                    output::line(&line.to_string());
                }
                output::failure(&error.context(format!("the tenant {}", tenant.slug)));
            }
        };
        let catalog = self.context.catalog().await?;
        let work = async |tenant: &TenantRecord| {
            let ran = self.tenant(tenant).await;
            repo::unless_destroyed(&*catalog, tenant.id, ran).await
        };
        let mut outcome = runner::run(&self.arguments.options, &due, work, report).await;
        outcome.done += u32::try_from(current.len()).unwrap_or(u32::MAX);
        Ok(outcome)
    }

    /// Migrates one tenant. Its state is recorded even if a file fails, and the temporary role always ends.
    async fn tenant(&self, tenant: &TenantRecord) -> Result<Vec<String>> {
        let catalog = self.context.catalog().await?;
        let outcome = async {
            let role = TemporaryRole::create(self.context, tenant).await?;
            let url = role.url(tenant);
            let migrated =
                database::migrate(url.expose(), self.files, &self.arguments.limits).await;
            role.end(self.context, tenant).await?;
            migrated
        };
        let Migrated { version, ran, failure } = match outcome.await {
            Ok(migrated) => migrated,
            Err(error) => {
                app_migration::record_failure(&*catalog, tenant.id, &format!("{error:#}")).await?;
                return Err(error);
            }
        };
        let state = State {
            version,
            checksum: checksum_of_all(self.files, version),
            failure: failure.as_ref().map(|failure| format!("{failure:#}")),
        };
        self.record_files(version).await?;
        app_migration::record_state(&*catalog, tenant.id, &state).await?;
        failure.map_or(Ok(ran), Err)
    }

    fn print(&self, subject: &str, names: &[String], outcome: &str) {
        if self.arguments.is_json() {
            let line = json!({ "tenant": subject, "outcome": outcome, "files": names });
            output::line(&line.to_string());
        } else if names.is_empty() {
            output::line(&format!("{subject}: {outcome}"));
        } else {
            output::line(&format!("{subject}: {outcome}: {}", names.join(", ")));
        }
    }
}
