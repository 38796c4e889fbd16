//! `tenantctl mail retry`

use anyhow::Result;
use serde_json::json;
use tenancy::mail::{message::Retry, messages};
use uuid::Uuid;

use crate::{
    change::{Change, DryRun},
    environment,
    exit::Exit,
    find, output,
};

/// The options of `mail retry`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The id of the message.
    message: Uuid,
    /// Also sends a message of which an attempt has no answer. The user may receive it again.
    #[arg(long)]
    may_duplicate: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Lets the message be sent again.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let (id, actor) = (arguments.message, environment::actor());
    match messages::retry(&context, &tenant, id, arguments.may_duplicate, &actor).await? {
        Retry::Waiting if context.is_dry_run() => {
            let change = Change {
                action: "retry",
                object: "mail_message",
                name: id.to_string(),
                before: Some(json!({ "state": "dead" })),
                after: Some(json!({ "state": "waiting" })),
            };
            change.report_dry_run(&context, None).await
        }
        Retry::Waiting => output::object(&json!({ "id": id, "state": "waiting" })),
        Retry::NotDead => {
            Err(Exit::NotFound.error("the tenant has no message with this id that was not sent"))
        }
        Retry::MayDuplicate => Err(Exit::Refused.error(
            "the message may have been sent, because an attempt has no answer. Repeat the command with --may-duplicate",
        )),
        Retry::Unusable => Err(Exit::Conflict.error(
            "the token in the message is no longer valid. Reset the password of the user to send another one",
        )),
    }
}
