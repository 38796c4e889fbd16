//! `tenantctl tenant suspend` and `tenantctl tenant activate`

use anyhow::Result;
use tenancy::tenant::{StateChange, TenantChange};

use crate::{change::DryRun, environment, find};

/// The options of `tenant suspend` and `tenant activate`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id.
    tenant: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Changes the state of the tenant.
pub(super) async fn run(arguments: &Arguments, action: &'static str) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    let state = if action == "suspend" { StateChange::Suspend } else { StateChange::Activate };
    super::update::apply(&context, &tenant, &TenantChange::of_state(state), action).await
}
