//! `tenantctl tenant delete`

use anyhow::Result;
use serde_json::json;
use tenancy::{
    lifecycle::{
        destroy::{self, Files},
        inventory::{self, Contents, Inventory},
    },
    operator_key,
    tenant::{StateChange, TenantChange},
};

use crate::{
    change::{self, Change, DryRun},
    confirm::Yes,
    environment, find,
};

/// The options of `tenant delete`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id.
    tenant: String,
    /// Destroys the database, the files, the counters and the keys, and frees the names. This cannot be undone.
    #[arg(long)]
    hard: bool,
    #[command(flatten)]
    yes: Yes,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes or destroys the tenant.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    let slug = tenant.slug.as_str();
    let right = || operator_key::Authority::unbounded().tenant_deletion();
    if !arguments.hard {
        if !context.is_dry_run() {
            let effect =
                format!("The tenant {slug} will be deleted. Its data and its names are kept.");
            arguments.yes.confirm(&effect, slug)?;
        }
        let change = TenantChange::of_state(StateChange::Delete(right()?));
        return super::update::apply(&context, &tenant, &change, "delete").await;
    }
    // A dry run connects to no cluster, so another context reads the contents.
    let reader = environment::context_for(false)?;
    let inventory = inventory::take(&reader, &tenant).await?;
    let actor = environment::actor();
    if context.is_dry_run() {
        // Checks the state like the change.
        let effect =
            destroy::destroy(&context, tenant.id, None, right()?, Files::Record, &actor).await?;
        change::check_effect(effect)?;
        let change = Change {
            action: "destroy",
            object: "tenant",
            name: slug.to_owned(),
            before: Some(super::view(&tenant)?),
            after: None,
        };
        return change.report_dry_run(&context, Some(&serde_json::to_value(&inventory)?)).await;
    }
    arguments.yes.confirm(&describe(slug, &inventory), slug)?;
    let effect =
        destroy::destroy(&context, tenant.id, None, right()?, Files::Record, &actor).await?;
    let destroyed = json!({ "destroyed_tenant": tenant.id, "slug": slug, "removed": inventory });
    change::report(&destroyed, effect)
}

fn describe(slug: &str, inventory: &Inventory) -> String {
    let Inventory { database, server, role, contents } = inventory;
    let contents = contents.map_or_else(
        || "which is gone already".to_owned(),
        |Contents { users, files, file_bytes }| {
            format!("with {users} users and {files} files of {file_bytes} bytes")
        },
    );
    format!(
        "The tenant {slug} will be destroyed: the database {database} on {server} {contents}, the role {role}, and all \
         counters and keys. This cannot be undone."
    )
}
