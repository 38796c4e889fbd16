//! `tenantctl user reset-password`

use anyhow::Result;
use serde_json::json;
use tenancy::{session, user::Authority};

use crate::{
    change::{self, Change, DryRun},
    environment, find,
};

/// The options of `user reset-password`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    /// Sends the setup token by mail instead of printing it, if `MAIL_TRANSPORT` is set.
    #[arg(long)]
    send_mail: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Resets the password.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let posting = super::posting(arguments.send_mail);
    let reset =
        session::reset_password(&context, &tenant, user.id, &authority, posting, &actor).await?;
    if context.is_dry_run() {
        let change = Change {
            action: "reset-password",
            object: "user",
            name: user.email.clone(),
            before: Some(json!({ "password": "current", "sessions": "current" })),
            after: Some(json!({ "password": "setup token", "sessions": "ended" })),
        };
        return change.report_dry_run(&context, None).await;
    }
    let mut shown = json!({ "user_id": user.id, "email": user.email });
    if let Some(token) = reset.value.setup_token {
        shown["setup_token"] = json!(token.expose());
    }
    if arguments.send_mail {
        shown["is_mailed"] = json!(reset.value.is_mailed);
    }
    shown["expires_at"] = json!(reset.value.expires_at);
    change::report(&shown, reset.effect)
}
