//! `tenantctl tenant show`

use anyhow::Result;
use serde_json::json;
use tenancy::usage::stats;

use crate::{environment, find, output};

/// The options of `tenant show`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id.
    tenant: String,
}

/// Shows the tenant. `statistics` is null if its database does not exist.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let context = environment::context_for(false)?;
    let tenant = find::tenant(&context, &arguments.tenant).await?;
    let mut shown = super::view(&tenant)?;
    let has_database = tenant.database_password.is_some();
    shown["statistics"] = if has_database {
        match stats::stats(&context, &tenant).await {
            Ok(stats) => serde_json::to_value(stats)?,
            // The record is useful on its own, for example to find the cluster that is unreachable.
            Err(error) => {
                output::failure(&anyhow::Error::from(error).context("no statistics"));
                json!(null)
            }
        }
    } else {
        json!(null)
    };
    output::object(&shown)
}
