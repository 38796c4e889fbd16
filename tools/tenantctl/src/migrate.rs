//! `tenantctl migrate`

use anyhow::{Context as _, Result, bail};
use platform::sql::SCHEMA_DEADLINE;
use tenancy::{
    Context,
    lifecycle::role_limits,
    migrate::{self, Migration},
    tenant::{TenantRecord, cluster, repo},
};

use crate::{environment, output};

/// Migrates the catalog, the template database and all tenant databases. A failed tenant is reported and does not stop
/// the others.
pub async fn run() -> Result<()> {
    let context = environment::context()?;
    let catalog = context.catalog_within(SCHEMA_DEADLINE).await.context("the catalog")?;
    let connections = context.settings.catalog_connections;
    let ran = migrate::migrate_catalog(&*catalog, connections).await.context("the catalog")?;
    output::line(&format!("catalog: {}", describe(&ran)));

    let location = context.settings.tenant_database_template.cluster();
    let cluster = cluster::connect(&context, &location, None).await.context("the cluster")?;
    migrate::limit_account(&*cluster).await.context("the cluster")?;
    let made = migrate::create_template(&context, &location).await.context("the template")?;
    let name = migrate::template_name(&context);
    output::line(&format!("template {name}: {}", if made { "created" } else { "up to date" }));

    let (mut current, mut migrated, mut failed) = (0, 0, 0);
    let tenants = repo::list_with_database(&*catalog).await?;
    for row in tenants.unreadable {
        failed += 1;
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    for tenant in tenants.items {
        match migrate_tenant(&context, &tenant).await {
            Ok(ran) if ran.is_empty() => current += 1,
            Ok(ran) => {
                migrated += 1;
                output::line(&format!("tenant {}: {}", tenant.slug, describe(&ran)));
            }
            Err(error) => {
                failed += 1;
                output::failure(&error.context(format!("the tenant {}", tenant.slug)));
            }
        }
    }
    output::line(&format!("tenants: {current} up to date, {migrated} migrated, {failed} failed"));
    if failed > 0 {
        bail!("{failed} tenant databases could not be migrated");
    }
    Ok(())
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
