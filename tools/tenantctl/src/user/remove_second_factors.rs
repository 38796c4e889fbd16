//! `tenantctl user remove-second-factors`

use anyhow::Result;
use serde_json::json;
use tenancy::{session, user::Authority};

use crate::{
    change::{self, Change, DryRun},
    environment, find,
};

/// The options of `user remove-second-factors`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Removes the second factors.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    let (authority, actor) = (Authority::unbounded(), environment::actor());
    let effect = session::remove_factors(&context, &tenant, user.id, &authority, &actor).await?;
    if context.is_dry_run() {
        let change = Change {
            action: "remove-second-factors",
            object: "user",
            name: user.email.clone(),
            before: Some(json!({ "second_factors": "current", "sessions": "current" })),
            after: Some(json!({ "second_factors": "none", "sessions": "ended" })),
        };
        return change.report_dry_run(&context, None).await;
    }
    change::report(&json!({ "user_id": user.id, "email": user.email }), effect)
}
