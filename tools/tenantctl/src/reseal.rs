//! `tenantctl reseal`

use anyhow::{Result, bail};
use serde_json::{Value, json};
use tenancy::{
    Context, audit,
    reseal::{self, Item},
    tenant::repo,
};

use crate::{change::DryRun, credentials, dry_run, environment, output};

/// The options of `reseal`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    dry_run: DryRun,
}

/// Seals the values of the catalog again with `MASTER_ENCRYPTION_KEY`, and vouches for audit rows that were chained
/// with other keys. Each item prints a line of JSON. A failure is reported and does not stop the others.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let mut resealed = 0;
    let mut failed = 0;
    if context.is_dry_run() {
        credentials::list_rotations(&context).await?;
    } else {
        failed += chain_waiting_events(&context).await?;
        // Rotations that are recorded but unfinished also hold sealed passwords.
        failed += credentials::finish_rotations(&context).await?;
    }
    for item in reseal::list(&context).await? {
        let outcome = reseal::reseal(&context, &item).await;
        dry_run::roll_back(&context).await?;
        match outcome {
            Ok(true) => {
                resealed += 1;
                let mut line = describe(&item);
                if context.is_dry_run() {
                    line["dry_run"] = json!(true);
                }
                output::line(&line.to_string());
            }
            Ok(false) => {}
            Err(error) => {
                failed += 1;
                output::failure(&error.into());
            }
        }
    }
    dry_run::roll_back(&context).await?;
    let total = if context.is_dry_run() { "would_reseal" } else { "resealed" };
    output::line(&json!({ total: resealed }).to_string());
    if failed > 0 {
        bail!("{failed} items could not be resealed");
    }
    Ok(())
}

/// Moves all waiting events to their trails. An event that is sealed with a former key would look forged once that key
/// is removed. Returns the number of failures.
async fn chain_waiting_events(context: &Context) -> Result<u32> {
    let catalog = context.catalog().await?;
    let mut failed = 0;
    let mut fail = |subject: String, error: tenancy::Error| {
        failed += 1;
        output::failure(&anyhow::Error::from(error).context(subject));
    };
    if let Err(error) = audit::recover_catalog(context).await {
        fail("audit events of the catalog".to_owned(), error);
    }
    let tenants = repo::list_with_database(&*catalog).await?;
    for row in tenants.unreadable {
        fail("a tenant".to_owned(), tenancy::Error::internal(row));
    }
    for tenant in tenants.items {
        let moved = audit::recover(context, &tenant).await;
        if let Err(error) = repo::unless_destroyed(&*catalog, tenant.id, moved).await {
            fail(format!("audit events of the tenant {}", tenant.slug), error);
        }
    }
    Ok(failed)
}

fn describe(item: &Item) -> Value {
    match item {
        Item::Tenant(id) => json!({ "resealed_tenant": id }),
        Item::Answer(answer) => json!({ "resealed_answer_of_tenant": answer.tenant }),
        Item::Cluster(id) => json!({ "resealed_cluster": id }),
        Item::Anchor(chain) => json!({ "resealed_audit_anchor": chain }),
        Item::Trail(chain) => json!({ "vouched_audit_trail": chain }),
        Item::Addresses(id) => json!({ "rehashed_addresses_of_tenant": id }),
    }
}
