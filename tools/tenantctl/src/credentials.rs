//! `tenantctl relocate` and `tenantctl rotate-passwords`

use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::json;
use tenancy::{
    Context,
    event::Actor,
    identifier::Slug,
    input::Text as _,
    lifecycle::credentials,
    postgres_url::PostgresUrl,
    tenant::{
        TenantRecord,
        repo::{self, sealed},
    },
    version_cache::Effect,
};
use uuid::Uuid;

use crate::{change::DryRun, dry_run, environment, output};

/// The options of `relocate`.
#[derive(clap::Args)]
pub struct Relocate {
    /// The slug of one tenant.
    #[arg(long, required_unless_present = "from", conflicts_with = "from")]
    tenant: Option<String>,
    /// All tenants on the cluster with this host and port, such as db-1.internal:5432.
    #[arg(long, value_parser = host_and_port)]
    from: Option<(String, u16)>,
    /// The host and port of the new cluster.
    #[arg(long, value_parser = host_and_port)]
    to: (String, u16),
    #[command(flatten)]
    dry_run: DryRun,
}

/// The options of `rotate-passwords`.
#[derive(clap::Args)]
pub struct Rotate {
    /// The slug of one tenant. The default is all tenants that have a database.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("must be like db-1.internal:5432")?;
    let port = port.parse().ok().filter(|port| *port > 0);
    let port = port.ok_or("must end with a port from 1 to 65535")?;
    // The host must be in the form that connection URLs use.
    let url = PostgresUrl::parse(&format!("postgres://{host}:{port}"));
    if url.is_none_or(|url| url.host != host) {
        return Err("must be like db-1.internal:5432 or [fd00::1]:5432".to_owned());
    }
    Ok((host.to_owned(), port))
}

/// Records the new location of tenant databases that were moved to another cluster. Prints one line of JSON per tenant.
pub async fn relocate(arguments: &Relocate) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let (host, port) = &arguments.to;
    let mut tenants = tenants(&context, arguments.tenant.as_deref()).await?;
    if let Some((host, port)) = &arguments.from {
        tenants.retain(|tenant| (&tenant.database.host, &tenant.database.port) == (host, port));
        if tenants.is_empty() {
            bail!("no tenant has a database at {host}:{port}");
        }
    }
    if arguments.dry_run.dry_run {
        for tenant in tenants {
            let from = format!("{}:{}", tenant.database.host, tenant.database.port);
            let to = format!("{host}:{port}");
            let line = json!({ "would_relocate_tenant": tenant.id, "from": from, "to": to });
            output::line(&line.to_string());
        }
        return Ok(());
    }
    let mut failed = 0_u32;
    for tenant in tenants {
        let actor = environment::actor();
        let changed = credentials::relocate(&context, tenant.id, host, *port, &actor).await;
        report(&context, &mut failed, "relocated_tenant", tenant.id, changed).await?;
    }
    finish(failed)
}

/// Rotates the passwords of the roles of tenant databases. Prints one line of JSON per tenant.
pub async fn rotate(arguments: &Rotate) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let tenants = tenants(&context, arguments.tenant.as_deref()).await?;
    if arguments.dry_run.dry_run {
        for tenant in tenants {
            let line = json!({
                "would_rotate_password_of_tenant": tenant.id, "role": tenant.database_role,
            });
            output::line(&line.to_string());
        }
        return Ok(());
    }
    let mut failed = 0_u32;
    for tenant in tenants {
        let changed =
            credentials::rotate_password(&context, tenant.id, &environment::actor()).await;
        report(&context, &mut failed, "rotated_password_of_tenant", tenant.id, changed).await?;
    }
    finish(failed)
}

/// Prints the interrupted rotations that [`finish_rotations`] would finish.
pub async fn list_rotations(context: &Context) -> Result<()> {
    let catalog = context.catalog().await?;
    let rotations = sealed::list_rotations(&*catalog).await?;
    dry_run::roll_back(context).await?;
    for id in rotations {
        output::line(&json!({ "would_rotate_password_of_tenant": id }).to_string());
    }
    Ok(())
}

/// Finishes interrupted rotations, and returns the number of failures.
pub async fn finish_rotations(context: &Rc<Context>) -> Result<u32> {
    let catalog = context.catalog().await?;
    let mut failed = 0_u32;
    for id in sealed::list_rotations(&*catalog).await? {
        let changed = credentials::rotate_password(context, id, &Actor::system()).await;
        report(context, &mut failed, "rotated_password_of_tenant", id, changed).await?;
    }
    Ok(failed)
}

/// Returns the tenant with a slug, in any state, or all tenants that have a database and are not being destroyed.
async fn tenants(context: &Context, slug: Option<&str>) -> Result<Vec<TenantRecord>> {
    let catalog = context.catalog().await?;
    if let Some(text) = slug {
        let slug = Slug::parse(text).map_err(|reason| anyhow!("{text}: {reason}"))?;
        let tenant = repo::find_by_slug(&*catalog, &slug).await?;
        let tenant = tenant.filter(|tenant| tenant.database_password.is_some());
        return Ok(vec![tenant.with_context(|| format!("tenant {text} has no database"))?]);
    }
    let rows = repo::list_with_database(&*catalog).await?;
    match rows.unreadable.first() {
        Some(row) => bail!("{row}"),
        None => Ok(rows.items),
    }
}

async fn report(
    context: &Context,
    failed: &mut u32,
    name: &str,
    tenant: Uuid,
    changed: tenancy::Result<Effect>,
) -> Result<()> {
    let catalog = context.catalog().await?;
    match repo::unless_destroyed(&*catalog, tenant, changed).await {
        Ok(None) => {}
        Ok(Some(Effect::Now)) => output::line(&json!({ name: tenant }).to_string()),
        Ok(Some(Effect::By(time))) => {
            output::line(&json!({ name: tenant, "takes_effect_by": time }).to_string());
        }
        Err(error) => {
            *failed += 1;
            output::failure(&anyhow::Error::from(error).context(format!("the tenant {tenant}")));
        }
    }
    Ok(())
}

fn finish(failed: u32) -> Result<()> {
    if failed > 0 {
        bail!("{failed} tenants failed");
    }
    Ok(())
}
