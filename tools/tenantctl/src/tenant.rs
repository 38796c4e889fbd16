//! `tenantctl tenant`

use anyhow::Result;

use crate::{move_tenant, rename};

/// The operations on one tenant.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Gives a tenant another slug, and reserves the former one.
    Rename(rename::Rename),
    /// Moves the database of a tenant to another cluster. Writes wait for the time of the copy.
    Move(move_tenant::Arguments),
    /// Releases a former slug, so that any tenant can have it.
    ReleaseSlug(rename::Release),
}

/// Runs the command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Rename(arguments) => rename::rename(arguments).await,
        Command::Move(arguments) => move_tenant::run(arguments).await,
        Command::ReleaseSlug(arguments) => rename::release(arguments).await,
    }
}
