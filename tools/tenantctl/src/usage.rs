//! `tenantctl usage`

use std::collections::{BTreeMap, HashSet};

use anyhow::Result;
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use tenancy::{
    input::Text as _,
    quota::repo::{Granularity, Used},
    resource::Resource,
    usage::history::{self, Format, History, HistoryRequest},
};

use crate::{environment, find, output};

/// The commands for usage.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Reports the usage of each tenant and of the platform in a period.
    Report(Report),
}

/// The options of `usage report`.
#[derive(clap::Args)]
pub struct Report {
    /// The slug or the id of one tenant. The default is all tenants.
    tenant: Option<String>,
    /// The first day in UTC, such as 2030-01-01. The default is 30 days before the last day.
    #[arg(long, value_parser = NaiveDate::parse)]
    from: Option<NaiveDate>,
    /// The last day in UTC. The default is today.
    #[arg(long, value_parser = NaiveDate::parse)]
    to: Option<NaiveDate>,
    /// The period of each total: day or month.
    #[arg(long, default_value = "day", value_parser = Granularity::parse)]
    by: Granularity,
    /// Only this resource, such as `api_calls`.
    #[arg(long, value_parser = Resource::parse)]
    resource: Option<Resource>,
}

/// The number of entries that one statement reads.
const PAGE: u32 = 10_000;

/// The usage of all tenants together.
#[derive(Serialize)]
struct Total {
    period: String,
    resource_type: String,
    amount: i64,
    /// The number of tenants with usage.
    tenants: u32,
}

const COLUMNS: [output::Column; 4] = [
    ("PERIOD", "period"),
    ("TENANT", "tenant_slug"),
    ("RESOURCE", "resource_type"),
    ("AMOUNT", "amount"),
];

/// Runs a command.
pub async fn run(command: &Command) -> Result<()> {
    let Command::Report(arguments) = command;
    report(arguments).await
}

async fn report(arguments: &Report) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = match &arguments.tenant {
        Some(name) => Some(find::tenant(&context, name).await?.id),
        None => None,
    };
    let mut items = Vec::new();
    let (mut offset, mut seen) = (0_u32, HashSet::new());
    loop {
        let request = HistoryRequest {
            tenant,
            resource: arguments.resource,
            from: arguments.from,
            to: arguments.to,
            granularity: arguments.by,
            format: Format::Json,
            offset,
            limit: PAGE,
        };
        let History::Page { items: page, .. } = history::find(&context, request).await? else {
            break;
        };
        let is_last = page.len() < PAGE as usize;
        offset = offset.saturating_add(PAGE);
        // An entry of today that appears meanwhile shifts the pages, so an entry can come twice.
        items.extend(page.into_iter().filter(|used| {
            let tenant = used.tenant_slug.clone();
            seen.insert((used.period.clone(), tenant, used.resource_type.clone()))
        }));
        if is_last {
            break;
        }
    }
    let totals = if tenant.is_none() { totals(&items) } else { Vec::new() };
    if output::is_json() {
        let mut document = json!({ "items": items, "total": items.len() });
        if tenant.is_none() {
            document["platform"] = serde_json::to_value(&totals)?;
        }
        return output::document(&document);
    }
    let mut rows: Vec<_> =
        items.iter().map(serde_json::to_value).collect::<Result<_, serde_json::Error>>()?;
    for Total { period, resource_type, amount, tenants } in totals {
        let label = format!("({tenants} tenants)");
        rows.push(json!({
            "period": period, "tenant_slug": label, "resource_type": resource_type, "amount": amount,
        }));
    }
    let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    output::list(&rows, total, &COLUMNS)
}

/// Returns the sums over all tenants, by period and resource, the newest first.
fn totals(items: &[Used]) -> Vec<Total> {
    let mut sums = BTreeMap::<(&str, &str), (i64, u32)>::new();
    for used in items {
        let sum = sums.entry((&used.period, &used.resource_type)).or_default();
        *sum = (sum.0.saturating_add(used.amount), sum.1 + 1);
    }
    sums.into_iter()
        .rev()
        .map(|((period, resource), (amount, tenants))| Total {
            period: period.to_owned(),
            resource_type: resource.to_owned(),
            amount,
            tenants,
        })
        .collect()
}
