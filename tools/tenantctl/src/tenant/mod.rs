//! `tenantctl tenant`

mod create;
mod delete;
mod list;
mod request;
mod show;
mod status;
mod update;

use anyhow::Result;
use serde_json::Value;
use tenancy::tenant::{OperatorTenantView, TenantRecord};

use crate::{bundle, move_tenant, rename};

/// The commands for tenants.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Creates a tenant with its database, and prints its first credentials once.
    Create(create::Arguments),
    /// Lists tenants, newest first.
    List(list::Arguments),
    /// Shows a tenant, with its usage.
    Show(show::Arguments),
    /// Changes the names, the plan, the limits, the domains or the settings of a tenant.
    Update(update::Arguments),
    /// Suspends a tenant: all of its requests are refused.
    Suspend(status::Arguments),
    /// Activates a suspended tenant.
    Activate(status::Arguments),
    /// Deletes a tenant. Its data is kept unless --hard is given.
    Delete(delete::Arguments),
    /// Gives a tenant another slug, and reserves the former one.
    Rename(rename::Rename),
    /// Releases a former slug, so that any tenant can have it.
    ReleaseSlug(rename::Release),
    /// Moves the database of a tenant to another cluster. Writes wait for the time of the copy.
    Move(move_tenant::Arguments),
    #[command(flatten)]
    Bundle(bundle::TenantCommand),
}

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Create(arguments) => create::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Update(arguments) => update::run(arguments).await,
        Command::Suspend(arguments) => status::run(arguments, "suspend").await,
        Command::Activate(arguments) => status::run(arguments, "activate").await,
        Command::Delete(arguments) => delete::run(arguments).await,
        Command::Rename(arguments) => rename::rename(arguments).await,
        Command::ReleaseSlug(arguments) => rename::release(arguments).await,
        Command::Move(arguments) => move_tenant::run(arguments).await,
        Command::Bundle(command) => bundle::run_tenant(command).await,
    }
}

/// Returns a tenant as JSON, like `GET /admin/tenants/{id}`.
pub fn view(tenant: &TenantRecord) -> Result<Value> {
    Ok(serde_json::to_value(OperatorTenantView::from(tenant))?)
}
