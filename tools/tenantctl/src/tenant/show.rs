//! `tenantctl tenant show`

use anyhow::Result;
use serde::Serialize;
use tenancy::{
    tenant::OperatorTenantView,
    usage::stats::{self, Stats},
};

use crate::{environment, find, output};

/// The options of `tenant show`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id.
    tenant: String,
}

/// The output of the command.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    tenant: OperatorTenantView<'a>,
    statistics: Option<Stats>,
}

/// Shows the tenant. `statistics` is null if its database does not exist.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    let statistics = if tenant.database_password.is_some() {
        let stats = stats::stats(&context, &tenant).await;
        // The record is useful on its own, for example to find the cluster that is unreachable.
        if let Err(error) = &stats {
            output::note(&format!("no statistics: {error}"));
        }
        stats.ok()
    } else {
        None
    };
    output::object(&Shown { tenant: OperatorTenantView::from(&tenant), statistics })
}
