//! `tenantctl audit`

use anyhow::{Context as _, Result, bail};
use chrono::Months;
use serde_json::json;
use tenancy::{
    Tenancy,
    audit::{self, Link},
    tenant::repo,
};
use uuid::Uuid;

use crate::{environment, output};

/// What to do with the trail.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Says whether trails are as they were written: one line of JSON each.
    Verify(Verify),
    /// Drops the months that are too old to be kept. What is left can still be verified.
    Prune(Prune),
}

/// Which trails to verify.
#[derive(clap::Args)]
pub struct Verify {
    /// The slug of one tenant; without it, every tenant and the platform.
    #[arg(long)]
    tenant: Option<String>,
    /// A `head` that was kept of that tenant's trail, as `sequence:mac`: the trail must still have it.
    #[arg(long, requires = "tenant", value_parser = link)]
    expect: Option<Link>,
}

/// What to keep.
#[derive(clap::Args)]
pub struct Prune {
    /// The months to keep beside this one.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1200))]
    keep_months: u32,
}

fn link(text: &str) -> Result<Link, String> {
    let (sequence, mac) = text.split_once(':').ok_or("must be a number, a colon and a MAC")?;
    let sequence = sequence.parse().map_err(|_| "must begin with a number")?;
    if mac.len() != 64 || !mac.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("must end in 64 hexadecimal digits".to_owned());
    }
    Ok(Link { sequence, mac: mac.to_ascii_lowercase() })
}

/// Verifies or prunes.
pub async fn run(command: &Command) -> Result<()> {
    let tenancy = environment::tenancy()?;
    match command {
        Command::Verify(arguments) => verify(&tenancy, arguments).await,
        Command::Prune(arguments) => prune(&tenancy, arguments.keep_months).await,
    }
}

async fn verify(tenancy: &Tenancy, arguments: &Verify) -> Result<()> {
    let catalog = tenancy.catalog().await.context("the catalog")?;
    let tenants = repo::list_ids(&*catalog).await?;
    let chains: Vec<(Option<Uuid>, String)> = match &arguments.tenant {
        Some(slug) => {
            let found = tenants.into_iter().find(|tenant| tenant.1 == *slug);
            let (id, slug) = found.with_context(|| format!("there is no tenant {slug}"))?;
            vec![(Some(id), slug)]
        }
        None => {
            let tenants = tenants.into_iter().map(|(id, slug)| (Some(id), slug));
            std::iter::once((None, String::new())).chain(tenants).collect()
        }
    };
    let mut broken = 0;
    for (chain, slug) in chains {
        let found =
            audit::verify(tenancy, chain, arguments.expect.as_ref(), audit::Extent::Full).await?;
        broken += u32::from(!found.valid);
        let mut line = serde_json::to_value(&found)?;
        line["tenant"] = chain.map_or(json!(null), |_| json!(slug));
        output::line(&line.to_string());
    }
    if broken > 0 {
        bail!("{broken} of the trails are not as they were written");
    }
    Ok(())
}

async fn prune(tenancy: &Tenancy, keep_months: u32) -> Result<()> {
    let today = tenancy.platform.clock.now().date_naive();
    let keep_from =
        today.checked_sub_months(Months::new(keep_months)).context("too many months")?;
    let pruned = audit::retention::drop_before(tenancy, keep_from).await?;
    for dropped in pruned.dropped {
        let line = json!({ "dropped_month": dropped.table, "rows": dropped.rows });
        output::line(&line.to_string());
    }
    for table in pruned.kept {
        let reason = "an event of it was chained after one that is kept";
        output::line(&json!({ "kept_month": table, "reason": reason }).to_string());
    }
    Ok(())
}
