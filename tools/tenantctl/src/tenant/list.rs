//! `tenantctl tenant list`

use anyhow::{Result, anyhow};
use tenancy::{
    input::Text as _,
    metadata::MetadataFilter,
    tenant::{OperatorTenantView, Status, repo},
};

use crate::{environment, output, paging::Paging};

/// The options of `tenant list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only tenants in this state: provisioning, active, suspended, deleting or deleted.
    #[arg(long, value_parser = Status::parse)]
    status: Option<Status>,
    /// Only tenants with this text in their name, slug, e-mail address or domain.
    #[arg(long)]
    search: Option<String>,
    /// Also lists deleted tenants.
    #[arg(long)]
    deleted: bool,
    /// Only tenants whose settings contain this JSON object.
    #[arg(long, value_parser = MetadataFilter::parse)]
    settings: Option<MetadataFilter>,
    /// Only tenants whose private settings contain this JSON object.
    #[arg(long, value_parser = MetadataFilter::parse)]
    private_settings: Option<MetadataFilter>,
    #[command(flatten)]
    paging: Paging,
}

const COLUMNS: [output::Column; 6] = [
    ("SLUG", "slug"),
    ("NAME", "name"),
    ("STATUS", "status"),
    ("PLAN", "plan"),
    ("DOMAINS", "domains"),
    ("ID", "id"),
];

/// Lists the tenants.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(false)?;
    let catalog = context.catalog().await?;
    let filter = repo::Filter {
        offset: arguments.paging.offset,
        limit: arguments.paging.limit,
        status: arguments.status,
        search: arguments.search.clone().filter(|text| !text.is_empty()),
        include_deleted: arguments.deleted,
        settings: arguments.settings.clone(),
        private_settings: arguments.private_settings.clone(),
    };
    let (tenants, total) = repo::list(&*catalog, &filter).await?;
    for row in tenants.unreadable {
        output::failure(&anyhow!(row));
    }
    let items: Vec<_> = tenants.items.iter().map(OperatorTenantView::from).collect();
    output::list(&items, total, &COLUMNS)
}
