//! `tenantctl user list` and `tenantctl user show`

use anyhow::{Result, anyhow};
use tenancy::{
    access::Role,
    input::Text as _,
    metadata::MetadataFilter,
    tenant::TenantDb,
    user::{OperatorUserView, repo},
};

use crate::{environment, find, output, paging::Paging};

/// The options of `user list`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// Only users with this role: admin, user or viewer.
    #[arg(long, value_parser = Role::parse)]
    role: Option<Role>,
    /// Only active users (true) or deactivated users (false).
    #[arg(long)]
    active: Option<bool>,
    /// Only users with this text in their e-mail address or one of their names.
    #[arg(long)]
    search: Option<String>,
    /// Only users whose public metadata contain this JSON object.
    #[arg(long, value_parser = MetadataFilter::parse)]
    public_metadata: Option<MetadataFilter>,
    /// Only users whose private metadata contain this JSON object.
    #[arg(long, value_parser = MetadataFilter::parse)]
    private_metadata: Option<MetadataFilter>,
    #[command(flatten)]
    paging: Paging,
}

/// The options of `user show`.
#[derive(clap::Args)]
pub struct One {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address or the id of the user.
    user: String,
}

const COLUMNS: [output::Column; 6] = [
    ("EMAIL", "email"),
    ("USERNAME", "username"),
    ("ROLE", "role"),
    ("ACTIVE", "is_active"),
    ("LAST LOGIN", "last_login"),
    ("ID", "id"),
];

/// Lists the users.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let database = TenantDb::connect(&context, &tenant).await?;
    let filter = repo::Filter {
        offset: arguments.paging.offset,
        limit: arguments.paging.limit,
        role: arguments.role,
        is_active: arguments.active,
        search: arguments.search.clone().filter(|text| !text.is_empty()),
        public_metadata: arguments.public_metadata.clone(),
        private_metadata: arguments.private_metadata.clone(),
        ..repo::Filter::default()
    };
    let (users, total) = repo::list(&database, &filter).await?;
    for row in users.unreadable {
        output::failure(&anyhow!(row));
    }
    let items = users.items.iter().map(super::view).collect::<Result<Vec<_>>>()?;
    output::list(&items, total, &COLUMNS)
}

/// Shows a user.
pub(super) async fn show(arguments: &One) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let user = find::user(&context, &tenant, &arguments.user).await?;
    output::object(&OperatorUserView::from(&user))
}
