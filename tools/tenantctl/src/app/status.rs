//! `tenantctl app status`

use anyhow::{Result, bail};
use serde_json::json;
use tenancy::{
    Context,
    app_migration::{self, State, Template},
    tenant::{TenantRecord, cluster, repo},
};

use crate::{environment, output, runner};

/// The options of `app status`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Compares the schema app of each tenant with that of the template database.
    #[arg(long)]
    drift: bool,
    /// Shows only this tenant.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    options: runner::Options,
    /// Prints a line of JSON for each tenant.
    #[arg(long)]
    json: bool,
}

/// The maximum number of differences that are shown for a tenant.
const MOST_SHOWN: usize = 20;

impl Arguments {
    fn is_json(&self) -> bool {
        self.json || output::is_json()
    }
}

/// Prints the version of each tenant.
///
/// # Errors
/// Fails if a tenant differs from the template database, or has another version.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    let catalog = context.catalog().await?;
    let Some(template) = app_migration::read_template(&*catalog, cluster::DEFAULT).await? else {
        bail!(
            "the template database has no migrations of the application: run tenantctl app migrate"
        );
    };
    let states = app_migration::list_states(&*catalog).await?;
    let rows = repo::list_with_database(&*catalog).await?;
    if let Some(row) = rows.unreadable.first() {
        bail!("{row}");
    }
    let mut tenants = rows.items;
    tenants.retain(|tenant| {
        arguments.tenant.as_deref().is_none_or(|slug| tenant.slug.as_str() == slug)
    });
    if !arguments.is_json() {
        output::line(&format!("template: version {}", template.version));
    }
    let others = std::cell::Cell::new(0_u32);
    let work = async |tenant: &TenantRecord| {
        let drift =
            if arguments.drift { drift(&context, tenant, &template).await } else { Ok(Vec::new()) };
        repo::unless_destroyed(&*catalog, tenant.id, drift).await
    };
    let report = |tenant: &TenantRecord, result: Result<Option<Vec<String>>>| {
        let state = states.get(&tenant.id);
        match result {
            Ok(None) => {}
            Ok(Some(drift)) => {
                let is_same = state.is_some_and(|state| state.checksum == template.checksum);
                others.set(others.get() + u32::from(!is_same || !drift.is_empty()));
                show(arguments, tenant, state, &drift);
            }
            Err(error) => output::failure(&error.context(format!("the tenant {}", tenant.slug))),
        }
    };
    let outcome = runner::run(&arguments.options, &tenants, work, report).await;
    if outcome.failed > 0 {
        bail!("{} tenants could not be compared", outcome.failed);
    }
    if others.get() > 0 {
        bail!("{} tenants differ from the template database", others.get());
    }
    Ok(())
}

async fn drift(
    context: &Context,
    tenant: &TenantRecord,
    template: &Template,
) -> Result<Vec<String>> {
    let location = tenant.trusted_location(context)?;
    let database = cluster::connect(context, &location, Some(&location.name)).await?;
    let wanted: Vec<_> = template.description.lines().map(str::to_owned).collect();
    Ok(app_migration::difference(&wanted, &app_migration::describe(&*database).await?))
}

fn show(arguments: &Arguments, tenant: &TenantRecord, state: Option<&State>, drift: &[String]) {
    let version = state.map(|state| state.version);
    let failure = state.and_then(|state| state.failure.as_deref());
    if arguments.is_json() {
        let line = json!({
            "tenant": tenant.slug, "version": version, "failure": failure, "drift": drift,
        });
        return output::line(&line.to_string());
    }
    let version = version.map_or_else(|| "unknown".to_owned(), |version| version.to_string());
    let failure = failure.map(|failure| format!(", failed: {failure}")).unwrap_or_default();
    output::line(&format!("{}: version {version}{failure}", tenant.slug));
    for line in drift.iter().take(MOST_SHOWN) {
        output::line(&format!("    {line}"));
    }
    if drift.len() > MOST_SHOWN {
        output::line(&format!("    … and {} others", drift.len() - MOST_SHOWN));
    }
}
