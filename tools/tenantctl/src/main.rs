//! `tenantctl`: the operator's command line. It runs the same code as the service.

mod app;
mod apply;
mod audit;
mod bundle;
mod change;
mod cluster;
mod confirm;
mod credentials;
mod doctor;
mod document;
mod dry_run;
mod environment;
mod exit;
mod find;
mod key;
mod mail;
mod migrate;
mod move_tenant;
mod output;
mod paging;
mod plan;
mod postgres;
mod rename;
mod repair;
mod reseal;
mod runner;
mod shell;
mod tenant;
mod usage;
mod user;
mod values;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::{CommandFactory as _, Parser, Subcommand};
use tokio::{task::LocalSet, time::timeout};

/// Operates the multi-tenancy service.
///
/// Settings are environment variables, with their plain names (`MASTER_DATABASE_URL`) or with the prefix that Spin uses
/// (`SPIN_VARIABLE_MASTER_DATABASE_URL`).
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The format of the results, and of the error on standard error.
    #[arg(long, global = true, value_enum, default_value_t)]
    output: output::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Creates, lists, changes and deletes tenants.
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Creates, lists, changes and deletes the users of a tenant.
    #[command(subcommand)]
    User(user::Command),
    /// Creates, lists and revokes the API keys of a tenant.
    #[command(subcommand)]
    Key(key::Command),
    /// Sends messages to users, and lists those that were not sent.
    #[command(subcommand)]
    Mail(mail::Command),
    /// Creates, lists, changes and deletes plans.
    #[command(subcommand)]
    Plan(plan::Command),
    /// Reports the usage of tenants.
    #[command(subcommand)]
    Usage(usage::Command),
    /// Brings tenants into the state that a file declares.
    Apply(apply::Arguments),
    /// Migrates the catalog, the template database and all tenant databases.
    Migrate(migrate::Arguments),
    /// Migrates the application's own tables.
    #[command(subcommand)]
    App(app::Command),
    /// Creates, verifies and restores backups of tenants.
    #[command(subcommand)]
    Backup(bundle::BackupCommand),
    /// Manages the PostgreSQL clusters of tenants' databases.
    #[command(subcommand)]
    Cluster(cluster::Command),
    /// Finishes work that a crash interrupted.
    Repair(repair::Arguments),
    /// Seals the values of the catalog again with the current master key.
    Reseal(reseal::Arguments),
    /// Records that tenants' databases were moved to another cluster.
    Relocate(credentials::Relocate),
    /// Rotates the passwords of the PostgreSQL roles of tenants.
    RotatePasswords(credentials::Rotate),
    /// Verifies and exports audit trails, and drops old months.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Checks the settings and the stores, and reports problems.
    Doctor(doctor::Arguments),
    /// Prints the completion script of a shell.
    Completions(shell::Completions),
    /// Prints the manual page, or writes the pages of all commands into a folder.
    Man(shell::Man),
}

/// The time for which a command waits for its work in the background, which the service or a repair can also do.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { output, command } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return exit::report_usage(&error),
    };
    output::set_format(output);
    let tasks = LocalSet::new();
    // The future of all commands is large, so it stays on the heap.
    let outcome = tasks.run_until(Box::pin(run(&command))).await;
    // The trail is extended after the change. A command that gives up leaves the events in the outbox.
    let _ = timeout(PATIENCE, tasks).await;
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error, command.keeps_codes()),
    }
}

async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Tenant(command) => tenant::run(command).await,
        Command::Backup(command) => bundle::run_backup(command).await,
        Command::Cluster(command) => cluster::run(command).await,
        Command::User(command) => user::run(command).await,
        Command::Key(command) => key::run(command).await,
        Command::Mail(command) => mail::run(command).await,
        Command::Plan(command) => plan::run(command).await,
        Command::Usage(command) => usage::run(command).await,
        Command::Apply(arguments) => apply::run(arguments).await,
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::App(command) => app::run(command).await,
        Command::Repair(arguments) => repair::run(arguments).await,
        Command::Reseal(arguments) => reseal::run(arguments).await,
        Command::Relocate(arguments) => credentials::relocate(arguments).await,
        Command::RotatePasswords(arguments) => credentials::rotate(arguments).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Completions(arguments) => shell::completions(arguments, Arguments::command()),
        Command::Man(arguments) => shell::man(arguments, Arguments::command()),
    }
}

impl Command {
    /// Returns whether the command existed before the exit codes. Scripts may rely on its code 1.
    fn keeps_codes(&self) -> bool {
        match self {
            Self::Migrate(_)
            | Self::App(_)
            | Self::Repair(_)
            | Self::Reseal(_)
            | Self::Relocate(_)
            | Self::RotatePasswords(_)
            | Self::Doctor(_) => true,
            Self::Audit(command) => !command.is_new(),
            _ => false,
        }
    }
}
