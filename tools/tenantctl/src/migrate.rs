//! `tenantctl migrate`

use std::cell::Cell;

use anyhow::{Context as _, Result, bail};
use platform::sql::{Connection, SCHEMA_DEADLINE};
use tenancy::{
    Context, app_migration,
    lifecycle::role_limits,
    migrate::{self, Migration},
    tenant::{
        TenantRecord,
        cluster::{self, Cluster},
        repo,
    },
};

use crate::{change::DryRun, environment, output, runner};

/// The options of `migrate`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    options: runner::Options,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The migrations that ran for a tenant.
type Ran = Vec<&'static Migration>;

/// Migrates the catalog, the template database and all tenant databases. A failed tenant is reported and does not stop
/// the others.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await.context("the catalog")?;
    if arguments.dry_run.dry_run {
        return preview(&context, &arguments.options).await;
    }
    let connections = context.settings.catalog_connections;
    let ran = migrate::migrate_catalog(&*catalog, connections).await.context("the catalog")?;
    output::line(&format!("catalog: {}", describe(&ran)));

    for cluster in cluster::list(&context).await? {
        migrate_template(&context, &*catalog, &cluster)
            .await
            .with_context(|| format!("the cluster {}", cluster.name))?;
    }

    let tenants = repo::list_with_database(&*catalog).await?;
    let unreadable = u32::try_from(tenants.unreadable.len()).unwrap_or(u32::MAX);
    for row in tenants.unreadable {
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    let (current, migrated) = (Cell::new(0_u32), Cell::new(0_u32));
    let work = async |tenant: &TenantRecord| {
        let ran = migrate_tenant(&context, tenant).await;
        repo::unless_destroyed(&*catalog, tenant.id, ran).await
    };
    let report = |tenant: &TenantRecord, result: Result<Option<Ran>>| match result {
        Ok(None) => {}
        Ok(Some(ran)) if ran.is_empty() => current.set(current.get() + 1),
        Ok(Some(ran)) => {
            migrated.set(migrated.get() + 1);
            output::line(&format!("tenant {}: {}", tenant.slug, describe(&ran)));
        }
        Err(error) => output::failure(&error.context(format!("the tenant {}", tenant.slug))),
    };
    let outcome = runner::run(&arguments.options, &tenants.items, work, report).await;
    let failed = outcome.failed + unreadable;
    let (current, migrated) = (current.get(), migrated.get());
    output::line(&format!("tenants: {current} up to date, {migrated} migrated, {failed} failed"));
    if failed > 0 {
        bail!("{failed} tenant databases could not be migrated");
    }
    Ok(())
}

/// Shows the migrations that would run, and changes nothing.
async fn preview(context: &Context, options: &runner::Options) -> Result<()> {
    let catalog = context.catalog().await.context("the catalog")?;
    let version = migrate::version(&*catalog).await?;
    output::line(&format!("catalog: {}", describe_due(migrate::CATALOG, version)));
    if version < migrate::newest(migrate::CATALOG) {
        output::line("templates and tenants: would be checked after the catalog");
        return Ok(());
    }
    for cluster in cluster::list(context).await? {
        let location = cluster.location(context)?;
        let server = cluster::connect(context, &location, None).await.context("the cluster")?;
        let name = migrate::template_name(context);
        let has_template = migrate::exists(&*server, &name).await?;
        let template = if has_template { "up to date" } else { "would be created" };
        output::line(&format!("template {name}{}: {template}", place(&cluster)));
    }
    let tenants = repo::list_with_database(&*catalog).await?;
    for row in tenants.unreadable {
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    let (current, due) = (Cell::new(0_u32), Cell::new(0_u32));
    let work = async |tenant: &TenantRecord| {
        let version = read_version(context, tenant).await;
        repo::unless_destroyed(&*catalog, tenant.id, version).await
    };
    let report = |tenant: &TenantRecord, version: Result<Option<i32>>| match version {
        Ok(None) => {}
        Ok(Some(version)) if version >= migrate::newest(migrate::TENANT) => {
            current.set(current.get() + 1);
        }
        Ok(Some(version)) => {
            due.set(due.get() + 1);
            let names = describe_due(migrate::TENANT, version);
            output::line(&format!("tenant {}: {names}", tenant.slug));
        }
        Err(error) => output::failure(&error.context(format!("the tenant {}", tenant.slug))),
    };
    let outcome = runner::run(options, &tenants.items, work, report).await;
    let (current, due, failed) = (current.get(), due.get(), outcome.failed);
    output::line(&format!(
        "tenants: {current} up to date, {due} would be migrated, {failed} failed"
    ));
    if failed > 0 {
        bail!("{failed} tenant databases could not be read");
    }
    Ok(())
}

fn place(cluster: &Cluster) -> String {
    if cluster.id == cluster::DEFAULT {
        String::new()
    } else {
        format!(" of the cluster {}", cluster.name)
    }
}

/// Builds the template database of a cluster, unless it exists.
async fn migrate_template(
    context: &Context,
    catalog: &dyn Connection,
    cluster: &Cluster,
) -> Result<()> {
    let location = cluster.location(context)?;
    let server = cluster::connect(context, &location, None).await?;
    migrate::limit_account(&*server).await?;
    let made = migrate::create_template(context, &location).await.context("the template")?;
    let name = migrate::template_name(context);
    let place = place(cluster);
    let state = if made { "created" } else { "up to date" };
    output::line(&format!("template {name}{place}: {state}"));
    let app = app_migration::read_template(catalog, cluster.id).await?;
    if app.is_some_and(|app| app.name != name) {
        output::line(
            "new tenants have no tables of the application yet: run tenantctl app migrate",
        );
    }
    Ok(())
}

async fn read_version(context: &Context, tenant: &TenantRecord) -> Result<i32> {
    let location = tenant.trusted_location(context)?;
    let database = cluster::connect(context, &location, Some(&location.name)).await?;
    Ok(migrate::version(&*database).await?)
}

fn describe_due(migrations: &[Migration], version: i32) -> String {
    let due = migrations.iter().filter(|migration| migration.version > version);
    let names: Vec<_> = due.map(|migration| migration.name).collect();
    if names.is_empty() {
        return "up to date".to_owned();
    }
    format!("would run {}", names.join(", "))
}

async fn migrate_tenant(
    context: &Context,
    tenant: &TenantRecord,
) -> Result<Vec<&'static Migration>> {
    let location = tenant.trusted_location(context)?;
    let database = cluster::connect(context, &location, Some(&location.name)).await?;
    let ran = migrate::migrate_tenant(&*database, Some(&tenant.database_role)).await?;
    role_limits::apply(context, &*database, tenant).await.context("the limits of its role")?;
    Ok(ran)
}

fn describe(ran: &[&Migration]) -> String {
    if ran.is_empty() {
        return "up to date".to_owned();
    }
    let names: Vec<_> = ran.iter().map(|migration| migration.name).collect();
    format!("ran {}", names.join(", "))
}
