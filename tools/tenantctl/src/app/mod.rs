//! `tenantctl app`: the migrations of the application that tenants' databases belong to.

mod database;
mod migrate;
mod rings;
mod status;

use anyhow::Result;

/// The commands for the application's own tables.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Applies numbered SQL files to the schema app of all tenants and of new tenants.
    Migrate(migrate::Arguments),
    /// Shows the version of each tenant, and differences from the template database.
    Status(status::Arguments),
}

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::Status(arguments) => status::run(arguments).await,
    }
}
