//! `tenantctl repair`

use std::rc::Rc;

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};
use tenancy::{
    Tenancy,
    admission::queue,
    audit::{self, Actor},
    earlier_processes, migrate,
    platform::sql::Rows,
    tenant::{
        TenantRecord, cluster,
        destroy::{self, Files},
        provision,
        repo::{self, creation},
    },
};

use crate::{environment, output};

/// The options of `repair`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Skip tenants that changed within this many minutes: a request may still be working on them.
    #[arg(long, default_value_t = 5)]
    older_than_minutes: u32,
}

/// Finishes everything that a crash left unfinished. Each repair is a line of JSON without credentials; a tenant that
/// cannot be repaired is reported and does not stop the others.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let tenancy = Rc::new(environment::tenancy()?);
    let catalog = tenancy.catalog().await?;
    let minutes = i64::from(arguments.older_than_minutes);
    let mut failed = 0_u32;
    let unfinished = creation::list_unfinished(&*catalog, minutes).await?;
    for tenant in readable(unfinished, &mut failed) {
        if let Err(error) = finish(&tenancy, &tenant).await {
            failed += 1;
            output::failure(&error.context(format!("the tenant {}", tenant.slug)));
        }
    }
    let deleting = repo::list_deleting(&*catalog, minutes).await?;
    for tenant in readable(deleting, &mut failed) {
        match destroy::finish(&tenancy, &tenant, Files::Record, &Actor::system()).await {
            Ok(()) => output::line(&json!({ "destroyed_tenant": tenant.id }).to_string()),
            Err(error) => {
                failed += 1;
                let error = anyhow::Error::from(error);
                output::failure(&error.context(format!("the tenant {}", tenant.slug)));
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
    let with_database = repo::list_with_database(&*catalog).await?;
    for tenant in readable(with_database, &mut failed) {
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
    let published = queue::work_off(&tenancy).await;
    report(&mut failed, "published_changes", published);
    let removed = earlier_processes::collect(&tenancy).await;
    report(&mut failed, "removed_keys_of_earlier_redis_processes", removed);
    if failed > 0 {
        bail!("{failed} repairs failed");
    }
    Ok(())
}

/// Returns the readable tenants, and reports each of the others as a failure.
fn readable(tenants: Rows<TenantRecord>, failed: &mut u32) -> Vec<TenantRecord> {
    for row in tenants.unreadable {
        *failed += 1;
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    tenants.items
}

/// Reports a count, or the failure to repair.
fn report(failed: &mut u32, name: &str, count: tenancy::Result<u64>) {
    match count {
        Ok(count) => {
            let mut line = Map::new();
            line.insert(name.to_owned(), count.into());
            output::line(&Value::Object(line).to_string());
        }
        Err(error) => {
            *failed += 1;
            output::failure(&anyhow::Error::from(error).context(name.to_owned()));
        }
    }
}

/// Finishes the provisioning of a tenant. Its credentials are not printed: they would end up in a log.
async fn finish(tenancy: &Tenancy, tenant: &TenantRecord) -> Result<()> {
    let Some(finished) = provision::finish(tenancy, tenant.id).await? else { return Ok(()) };
    let line = json!({
        "finished_tenant": finished.tenant.id,
        "slug": finished.tenant.slug,
    });
    output::line(&line.to_string());
    Ok(())
}
