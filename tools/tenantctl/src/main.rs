//! `tenantctl`: the operator's command line. It runs the same code as the service.

mod app;
mod audit;
mod cluster;
mod credentials;
mod doctor;
mod environment;
mod migrate;
mod move_tenant;
mod output;
mod rename;
mod repair;
mod reseal;
mod runner;
mod tenant;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Operates the multi-tenancy service.
///
/// Settings are environment variables, with their plain names (`MASTER_DATABASE_URL`) or with the prefix that Spin uses
/// (`SPIN_VARIABLE_MASTER_DATABASE_URL`).
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Migrates the catalog, the template database and all tenant databases.
    Migrate(migrate::Arguments),
    /// Migrates the application's own tables.
    #[command(subcommand)]
    App(app::Command),
    /// Changes single tenants.
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Manages the PostgreSQL clusters of tenants' databases.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Finishes work that a crash interrupted.
    Repair(repair::Arguments),
    /// Seals the values of the catalog again with the current master key.
    Reseal,
    /// Records that tenants' databases were moved to another cluster.
    Relocate(credentials::Relocate),
    /// Rotates the passwords of the PostgreSQL roles of tenants.
    RotatePasswords(credentials::Rotate),
    /// Verifies audit trails, and drops old months.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Checks the settings and the stores, and reports problems.
    Doctor(doctor::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Migrate(arguments) => migrate::run(&arguments).await,
        Command::App(command) => app::run(&command).await,
        Command::Tenant(command) => tenant::run(&command).await,
        Command::Cluster(command) => cluster::run(&command).await,
        Command::Repair(arguments) => repair::run(&arguments).await,
        Command::Reseal => reseal::run().await,
        Command::Relocate(arguments) => credentials::relocate(&arguments).await,
        Command::RotatePasswords(arguments) => credentials::rotate(&arguments).await,
        Command::Audit(command) => audit::run(&command).await,
        Command::Doctor(arguments) => doctor::run(&arguments).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::failure(&error);
            ExitCode::FAILURE
        }
    }
}
