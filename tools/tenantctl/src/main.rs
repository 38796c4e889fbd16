//! `tenantctl`: the operator's command line, on the service's own code.

mod audit;
mod credentials;
mod doctor;
mod environment;
mod migrate;
mod output;
mod repair;
mod reseal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Operates the multi-tenancy service.
///
/// Settings come from the environment, by their plain names (`MASTER_DATABASE_URL`) or as Spin
/// takes them (`SPIN_VARIABLE_MASTER_DATABASE_URL`).
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Brings the catalog, the template database and every tenant's database up to date.
    Migrate,
    /// Finishes everything that a crash left unfinished.
    Repair(repair::Arguments),
    /// Seals what the catalog keeps anew with the current master key.
    Reseal,
    /// Records that tenants' databases were moved to another cluster.
    Relocate(credentials::Relocate),
    /// Gives the PostgreSQL roles of tenants new passwords.
    RotatePasswords(credentials::Rotate),
    /// Verifies the audit trail, and drops what is too old of it.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Checks the settings and the stores, and says what is wrong with them.
    Doctor(doctor::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Migrate => migrate::run().await,
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
