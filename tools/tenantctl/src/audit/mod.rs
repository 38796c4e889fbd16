//! `tenantctl audit`

mod export;

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use chrono::Months;
use serde_json::{Value, json};
use tenancy::{
    Context,
    audit::{self, Anchoring, Link},
    tenant::repo,
};
use uuid::Uuid;

use crate::{change::DryRun, dry_run, environment, output};

/// The operations on audit trails.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Verifies audit trails. Prints one line of JSON per trail, and continues after a broken one.
    Verify(Verify),
    /// Exports events, newest first.
    Export(export::Arguments),
    /// Drops old months. The remaining trail can still be verified.
    Prune(Prune),
}

impl Command {
    /// Returns whether the command has the exit codes of [`crate::exit`].
    pub fn is_new(&self) -> bool {
        matches!(self, Self::Export(_))
    }
}

/// The options of `audit verify`.
#[derive(clap::Args)]
pub struct Verify {
    /// The slug or the id of one tenant. The default is the platform and all tenants, including destroyed ones.
    #[arg(long)]
    tenant: Option<String>,
    /// An earlier `head` of the tenant's trail, as `sequence:mac`. The trail must still contain it.
    #[arg(long, requires = "tenant", value_parser = link)]
    expect: Option<Link>,
}

/// The options of `audit prune`.
#[derive(clap::Args)]
pub struct Prune {
    /// The number of months to keep in addition to the current month.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1200))]
    keep_months: u32,
    #[command(flatten)]
    dry_run: DryRun,
}

fn link(text: &str) -> Result<Link, String> {
    let (sequence, mac) = text.split_once(':').ok_or("must be a number, a colon and a MAC")?;
    let sequence = sequence.parse().map_err(|_| "must start with a number")?;
    if mac.len() != 64 || !mac.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("must end in 64 hexadecimal digits".to_owned());
    }
    Ok(Link { sequence, mac: mac.to_ascii_lowercase() })
}

/// Runs the command.
pub async fn run(command: &Command) -> Result<()> {
    match command {
        Command::Verify(arguments) => verify(&environment::context()?, arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Prune(arguments) => {
            let context = environment::context_for(arguments.dry_run.dry_run)?;
            prune(&context, arguments.keep_months).await
        }
    }
}

async fn verify(context: &Context, arguments: &Verify) -> Result<()> {
    let catalog = context.catalog().await.context("the catalog")?;
    let tenants = repo::list_ids(&*catalog).await?;
    let slugs: HashMap<Uuid, &str> = tenants.iter().map(|(id, slug)| (*id, &**slug)).collect();
    let mut chains = audit::list_chains(context).await?;
    if let Some(name) = &arguments.tenant {
        let of_slug = tenants.iter().find(|tenant| tenant.1 == *name).map(|tenant| tenant.0);
        // The trail of a destroyed tenant has only an id.
        let of_id = || name.parse().ok().filter(|id| chains.contains(id));
        let found = of_slug.or_else(of_id);
        chains = vec![found.with_context(|| format!("tenant {name} does not exist"))?];
    }
    let mut broken = 0;
    for chain in chains {
        let slug = slugs.get(&chain).copied();
        let line = verify_one(context, chain, slug, arguments.expect.as_ref()).await?;
        broken += u32::from(line["valid"] != true);
        output::line(&line.to_string());
    }
    if arguments.tenant.is_none() {
        broken += compare_anchorings(context).await?;
    }
    if broken > 0 {
        bail!("{broken} audit trails or anchors failed verification");
    }
    Ok(())
}

/// Verifies a chain. A failure becomes the result of this chain, so that the others are still verified.
async fn verify_one(
    context: &Context,
    chain: Uuid,
    slug: Option<&str>,
    expected: Option<&Link>,
) -> Result<Value> {
    let tenant = (!chain.is_nil()).then_some(chain);
    let mut line = match audit::verify(context, tenant, expected, audit::Extent::Full).await {
        Ok(found) => serde_json::to_value(found)?,
        Err(error) => {
            json!({ "valid": false, "reason": format!("the verification failed: {error}") })
        }
    };
    line["tenant"] = json!(slug);
    line["tenant_id"] = json!(tenant);
    line["is_destroyed"] = json!(tenant.is_some() && slug.is_none());
    Ok(line)
}

/// Compares the heads of the last days with their digests in the platform's trail. Returns the number of mismatches.
async fn compare_anchorings(context: &Context) -> Result<u32> {
    let mut broken = 0;
    for found in audit::compare_anchorings(context).await? {
        let Anchoring { event, chains, is_valid } = found;
        broken += u32::from(!is_valid);
        let line = json!({ "anchors": event, "trails": chains, "valid": is_valid });
        output::line(&line.to_string());
    }
    Ok(broken)
}

async fn prune(context: &Context, keep_months: u32) -> Result<()> {
    let today = context.platform.clock.now().date_naive();
    let keep_from =
        today.checked_sub_months(Months::new(keep_months)).context("too many months")?;
    let pruned = audit::retention::drop_before(context, keep_from).await?;
    dry_run::roll_back(context).await?;
    for dropped in pruned.dropped {
        let name = if context.is_dry_run() { "would_drop_month" } else { "dropped_month" };
        let line = json!({ name: dropped.table, "rows": dropped.rows });
        output::line(&line.to_string());
    }
    for table in pruned.kept {
        let reason = "the chain has an event of this month after a kept event";
        output::line(&json!({ "kept_month": table, "reason": reason }).to_string());
    }
    Ok(())
}
