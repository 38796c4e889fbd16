//! `tenantctl user delete`

use anyhow::Result;
use serde_json::json;
use tenancy::user::{self, Authority};

use crate::{
    change::{self, Change, DryRun},
    confirm::Yes,
    environment, find,
};

/// The options of `user delete`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes the user.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let user = match (find::user(&context, &tenant, &arguments.user).await, arguments.user.parse())
    {
        (Ok(user), _) => user,
        (Err(_), Ok(id)) => {
            // An earlier call may have been interrupted after the deletion: this publishes it again.
            let effect = user::delete(&context, &tenant, id, &authority, &actor).await?;
            return change::report(&json!({ "deleted_user": id }), effect);
        }
        (Err(error), Err(_)) => return Err(error),
    };
    if !context.is_dry_run() {
        let effect =
            format!("The user {} ({}) of {} will be deleted.", user.email, user.id, tenant.slug);
        arguments.yes.confirm(&effect, &user.email)?;
    }
    let effect = user::delete(&context, &tenant, user.id, &authority, &actor).await?;
    if context.is_dry_run() {
        let change = Change {
            action: "delete",
            object: "user",
            name: user.email.clone(),
            before: Some(super::view(&user)?),
            after: None,
        };
        return change.report_dry_run(&context, None).await;
    }
    change::report(&json!({ "deleted_user": user.id, "email": user.email }), effect)
}
