//! `tenantctl user`

mod create;
mod delete;
mod erase;
mod export;
mod list;
mod remove_second_factors;
mod reset_password;
mod update;

use anyhow::Result;
use serde_json::Value;
use tenancy::{
    mail::Posting,
    user::{OperatorUserView, User},
};

/// The commands for the users of a tenant.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Lists the users of a tenant, newest first.
    List(list::Arguments),
    /// Shows a user.
    Show(list::One),
    /// Creates a user, and prints the setup token once.
    Create(create::Arguments),
    /// Changes the address, the names, the roles, the groups or the metadata of a user.
    Update(update::Arguments),
    /// Deactivates a user: all sessions end.
    Deactivate(update::Activity),
    /// Activates a deactivated user.
    Activate(update::Activity),
    /// Ends the password and all sessions of a user, and prints a setup token once.
    ResetPassword(reset_password::Arguments),
    /// Removes the second factors of a user, for example after a loss: all sessions end.
    RemoveSecondFactors(remove_second_factors::Arguments),
    /// Deletes a user permanently.
    Delete(delete::Arguments),
    /// Exports the personal data of a user as one JSON document.
    Export(export::Arguments),
    /// Erases a person: deletes the user, and removes everything that identifies the person.
    Erase(erase::Arguments),
}

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::List(arguments) => list::run(arguments).await,
        Command::Show(arguments) => list::show(arguments).await,
        Command::Create(arguments) => create::run(arguments).await,
        Command::Update(arguments) => update::run(arguments).await,
        Command::Deactivate(arguments) => update::set_active(arguments, false).await,
        Command::Activate(arguments) => update::set_active(arguments, true).await,
        Command::ResetPassword(arguments) => reset_password::run(arguments).await,
        Command::RemoveSecondFactors(arguments) => remove_second_factors::run(arguments).await,
        Command::Delete(arguments) => delete::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Erase(arguments) => erase::run(arguments).await,
    }
}

/// Returns a user as JSON, like `GET /admin/tenants/{id}/users/{user}`.
fn view(user: &User) -> Result<Value> {
    Ok(serde_json::to_value(OperatorUserView::from(user))?)
}

/// Returns how a setup token reaches its user.
fn posting(send_mail: bool) -> Posting {
    if send_mail { Posting::ByMail { language: None } } else { Posting::ByCaller }
}
