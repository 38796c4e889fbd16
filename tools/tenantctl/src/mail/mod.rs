//! `tenantctl mail`

mod compose;
mod deliver;
mod list;
mod retry;
mod smtp;

use anyhow::Result;

/// The commands for messages to users.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Sends the messages that are due, of all tenants, by SMTP. `SMTP_URL` has the server.
    Deliver(deliver::Arguments),
    /// Lists the messages of a tenant that were not sent, newest first.
    List(list::Arguments),
    /// Lets a message that was not sent be sent again.
    Retry(retry::Arguments),
}

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Deliver(arguments) => deliver::run(arguments).await,
        Command::List(arguments) => list::run(arguments).await,
        Command::Retry(arguments) => retry::run(arguments).await,
    }
}
