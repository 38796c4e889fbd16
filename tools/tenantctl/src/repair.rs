//! `tenantctl repair`

use std::rc::Rc;

use anyhow::{Result, bail};
use serde_json::json;
use tenancy::{
    Tenancy,
    audit::{self, Actor},
    migrate,
    tenant::{
        TenantRecord, cluster, destroy, provision,
        repo::{self, creation},
    },
};

use crate::{environment, output};

/// What to repair.
#[derive(clap::Args)]
pub struct Arguments {
    /// Leave alone what was begun in the last so many minutes: a call may still be at it.
    #[arg(long, default_value_t = 5)]
    older_than_minutes: u32,
}

/// Finishes what a crash left unfinished. Each thing done is a line of JSON; a tenant that cannot be
/// finished is told, and does not keep the others from it.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let tenancy = Rc::new(environment::tenancy()?);
    let catalog = tenancy.catalog().await?;
    let minutes = i64::from(arguments.older_than_minutes);
    let mut failed = 0;
    for tenant in creation::list_unfinished(&*catalog, minutes).await? {
        if let Err(error) = finish(&tenancy, &tenant).await {
            failed += 1;
            output::failure(&error.context(format!("the tenant {}", tenant.slug)));
        }
    }
    for tenant in repo::list_deleting(&*catalog, minutes).await? {
        let destroyed = destroy::finish(&tenancy, &tenant, &Actor::system()).await;
        match destroyed {
            Ok(()) => output::line(&json!({ "destroyed_tenant": tenant.id }).to_string()),
            Err(error) => {
                failed += 1;
                let hint = format!(
                    "the tenant {}: its files are the service's own, so repeat DELETE \
                     /admin/tenants/{}?hard_delete=true",
                    tenant.slug, tenant.id
                );
                output::failure(&anyhow::Error::from(error).context(hint));
            }
        }
    }
    let location = tenancy.settings.tenant_database_template.cluster();
    for name in migrate::drop_unfinished_templates(&tenancy, &location).await? {
        output::line(&json!({ "dropped_template": name }).to_string());
    }
    let finished = creation::list_finished_roles(&*catalog).await?;
    for name in cluster::drop_leftovers(&tenancy, &location, finished).await? {
        output::line(&json!({ "dropped_leftover": name }).to_string());
    }
    let mut chained = audit::recover_catalog(&tenancy).await?;
    for tenant in repo::list_with_database(&*catalog).await? {
        match audit::recover(&tenancy, &tenant).await {
            Ok(moved) => chained += moved,
            Err(error) => {
                failed += 1;
                let error = anyhow::Error::from(error);
                output::failure(&error.context(format!("the tenant {}", tenant.slug)));
            }
        }
    }
    output::line(&json!({ "chained_audit_events": chained }).to_string());
    let forgotten = creation::forget_idempotency_keys(&*catalog).await?;
    output::line(&json!({ "forgotten_idempotency_keys": forgotten }).to_string());
    if failed > 0 {
        bail!("{failed} of the tenants could not be repaired");
    }
    Ok(())
}

async fn finish(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<()> {
    let Some(finished) = provision::finish(tenancy, tenant.id).await? else { return Ok(()) };
    let line = json!({
        "finished_tenant": finished.tenant.id,
        "slug": finished.tenant.slug,
        "admin_email": finished.tenant.admin_email,
        "api_key": finished.credentials.api_key,
        "setup_token": finished.credentials.setup_token,
    });
    output::line(&line.to_string());
    Ok(())
}
