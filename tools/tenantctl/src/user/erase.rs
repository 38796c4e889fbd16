//! `tenantctl user erase`

use anyhow::Result;
use serde_json::json;
use tenancy::{personal_data::erasure, user::Authority};

use crate::{
    change::{self, Change, DryRun},
    confirm::Yes,
    environment, find,
};

/// The options of `user erase`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user. A user that was deleted before has only an id.
    user: String,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Erases the person, and prints the receipt.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let found = find::user(&context, &tenant, &arguments.user).await;
    let (id, name, before) = match (found, arguments.user.parse()) {
        (Ok(user), _) => (user.id, user.email.clone(), Some(super::view(&user)?)),
        // A user that was deleted before, or whose erasure was interrupted.
        (Err(_), Ok(id)) => (id, arguments.user.clone(), None),
        (Err(error), Err(_)) => return Err(error),
    };
    if !context.is_dry_run() {
        let effect = format!(
            "The user {name} ({id}) of {} will be deleted, and everything that identifies the person will be removed, \
             also from the audit trail. This cannot be undone.",
            tenant.slug
        );
        arguments.yes.confirm(&effect, &name)?;
    }
    let actor = environment::actor();
    let erased = erasure::erase(&context, &tenant, id, &Authority::unbounded(), &actor).await?;
    if context.is_dry_run() {
        let removes = serde_json::to_value(&erased.value.receipt.removed)?;
        let change = Change { action: "erase", object: "user", name, before, after: None };
        return change.report_dry_run(Some(&removes));
    }
    change::report(&json!(erased.value), erased.effect)
}
