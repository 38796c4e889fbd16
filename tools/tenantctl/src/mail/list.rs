//! `tenantctl mail list`

use anyhow::Result;
use tenancy::mail::messages;

use crate::{environment, find, output};

/// The options of `mail list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The maximum number of messages.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Lists the messages.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context()?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let messages = messages::list_dead(&context, &tenant, arguments.limit).await?;
    for row in &messages.unreadable {
        output::failure(&anyhow::anyhow!("{row}"));
    }
    let columns = [
        ("ID", "id"),
        ("PURPOSE", "purpose"),
        ("ADDRESS", "address"),
        ("FAILURE", "failure"),
        ("ATTEMPTS", "attempts"),
        ("UNANSWERED", "unanswered"),
        ("ENDED", "ended_at"),
    ];
    let total = i64::try_from(messages.items.len())?;
    output::list(&messages.items, total, &columns)
}
