//! `tenantctl repair`

mod waiting;

use std::rc::Rc;

use anyhow::{Result, bail};
use platform::sql::Rows;
use serde_json::{Map, Value, json};
use tenancy::{
    Context, app_migration, audit, database_credential, earlier_processes,
    event::Actor,
    lifecycle::{
        creation, databases,
        destroy::{self, Files},
        moving, provision,
    },
    migrate,
    personal_data::erasure,
    tenant::{
        TenantRecord,
        cluster::{self, Cluster},
        repo,
    },
    verified_address,
    version_cache::{expire_all, queue},
};

use crate::{bundle, change::DryRun, credentials, environment, output};

/// The options of `repair`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Skips tenants that changed within this number of minutes, because a request may still be processing them.
    #[arg(long, default_value_t = 5)]
    older_than_minutes: u32,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Finishes work that a crash interrupted. Each repair prints a line of JSON without credentials. A tenant that cannot
/// be repaired is reported and does not stop the others.
pub async fn run(arguments: &Arguments) -> Result<()> {
    let context = Rc::new(environment::context()?);
    let catalog = context.catalog().await?;
    let minutes = i64::from(arguments.older_than_minutes);
    if arguments.dry_run.dry_run {
        return waiting::report(&context, minutes).await;
    }
    let mut failed = 0_u32;
    // Must be first: revoked credentials are still accepted until then.
    let published = queue::work_off(&context).await;
    report(&mut failed, "published_changes", published);
    if let Err(error) = expire_all(&context).await {
        fail(&mut failed, "the cached versions", error);
    }
    report(&mut failed, "recovered_moves", moving::recover_all(&context).await);
    let unfinished = creation::list_unfinished(&*catalog, minutes).await?;
    for tenant in readable(unfinished, &mut failed) {
        if let Err(error) = finish(&context, &tenant).await {
            failed += 1;
            output::failure(&error.context(format!("the tenant {}", tenant.slug)));
        }
    }
    let deleting = repo::list_deleting(&*catalog, minutes).await?;
    for tenant in readable(deleting, &mut failed) {
        match destroy::finish(&context, &tenant, Files::Record, &Actor::system()).await {
            Ok(()) => output::line(&json!({ "destroyed_tenant": tenant.id }).to_string()),
            Err(error) => {
                failed += 1;
                let error = anyhow::Error::from(error);
                output::failure(&error.context(format!("the tenant {}", tenant.slug)));
            }
        }
    }
    match bundle::repair(&context).await {
        Ok(more) => failed += more,
        Err(error) => {
            failed += 1;
            output::failure(&error.context("imports and restores"));
        }
    }
    for cluster in cluster::list(&context).await? {
        drop_copies(&context, &cluster, &mut failed).await;
    }
    failed += credentials::finish_rotations(&context).await?;
    recover_tenants(&context, &mut failed).await?;
    match audit::anchor_if_due(&context).await {
        Ok(None) => {}
        Ok(Some(trails)) => report_value("anchored_audit_trails", trails.into()),
        Err(error) => fail(&mut failed, "the anchors of audit trails", error),
    }
    let ended = async {
        let mut total = 0;
        // Each call handles a page of tenants.
        loop {
            match database_credential::end_orphaned(&context).await? {
                0 => return Ok(total),
                ended => total += ended,
            }
        }
    };
    report(&mut failed, "ended_database_credentials", ended.await);
    let forgotten = creation::forget_idempotency_keys(&*catalog).await;
    report(&mut failed, "forgotten_idempotency_keys", forgotten.map(i64::unsigned_abs));
    let removed = earlier_processes::collect(&context).await;
    report(&mut failed, "removed_keys_of_earlier_redis_processes", removed);
    if failed > 0 {
        bail!("{failed} repairs failed");
    }
    Ok(())
}

/// Finishes the work that was left in the databases of tenants: audit events, erasures, and verified addresses.
async fn recover_tenants(context: &Context, failed: &mut u32) -> Result<()> {
    let (mut chained, mut forged, mut erased, mut addresses) = (0, 0, 0, 0);
    let catalog = context.catalog().await?;
    match audit::recover_catalog(context).await {
        Ok(moved) => (chained, forged) = (moved.chained, moved.forged),
        Err(error) => fail(failed, "audit events of the catalog", error),
    }
    let with_database = repo::list_with_database(&*catalog).await?;
    for tenant in readable(with_database, failed) {
        let moved = audit::recover(context, &tenant).await;
        match repo::unless_destroyed(&*catalog, tenant.id, moved).await {
            Ok(None) => continue,
            Ok(Some(moved)) => {
                chained += moved.chained;
                forged += moved.forged;
            }
            Err(error) => fail(failed, &format!("the tenant {}", tenant.slug), error),
        }
        let finished = erasure::recover(context, &tenant).await;
        match repo::unless_destroyed(&*catalog, tenant.id, finished).await {
            Ok(finished) => erased += finished.unwrap_or_default(),
            Err(error) => {
                fail(failed, &format!("erasures of the tenant {}", tenant.slug), error);
            }
        }
        let published = verified_address::publish(context, &tenant).await;
        match repo::unless_destroyed(&*catalog, tenant.id, published).await {
            Ok(published) => addresses += published.unwrap_or_default(),
            Err(error) => {
                let subject = format!("verified addresses of the tenant {}", tenant.slug);
                fail(failed, &subject, error);
            }
        }
    }
    if erased > 0 {
        report_value("finished_user_erasures", erased.into());
    }
    if addresses > 0 {
        report_value("published_addresses", addresses.into());
    }
    output::line(&json!({ "chained_audit_events": chained }).to_string());
    if forged > 0 {
        report_value("forged_audit_events", forged.into());
    }
    Ok(())
}

/// Drops the databases on a cluster that interrupted work has left.
async fn drop_copies(context: &Context, cluster: &Cluster, failed: &mut u32) {
    let templates =
        async { migrate::drop_unfinished_templates(context, &cluster.location(context)?).await };
    report_names(failed, "dropped_template", templates.await);
    let copies = app_migration::repair_template(context, cluster).await;
    report_names(failed, "dropped_template_copy", copies);
    let leftovers = async {
        let catalog = context.catalog().await?;
        let finished = creation::list_finished_roles(&*catalog).await?;
        databases::drop_leftovers(context, &cluster.location(context)?, finished).await
    };
    report_names(failed, "dropped_leftover", leftovers.await);
}

/// Returns the readable tenants, and reports each of the others as a failure.
fn readable(tenants: Rows<TenantRecord>, failed: &mut u32) -> Vec<TenantRecord> {
    for row in tenants.unreadable {
        *failed += 1;
        output::failure(&anyhow::Error::from(row).context("a tenant"));
    }
    tenants.items
}

/// Reports a count, or the failure of the repair.
fn report(failed: &mut u32, name: &str, count: tenancy::Result<u64>) {
    match count {
        Ok(count) => report_value(name, count.into()),
        Err(error) => fail(failed, name, error),
    }
}

/// Reports each name, or the failure of the repair.
fn report_names(failed: &mut u32, name: &str, names: tenancy::Result<Vec<String>>) {
    match names {
        Ok(names) => names.into_iter().for_each(|text| report_value(name, text.into())),
        Err(error) => fail(failed, name, error),
    }
}

fn report_value(name: &str, value: Value) {
    output::line(&Value::Object(Map::from_iter([(name.to_owned(), value)])).to_string());
}

/// Reports a failure, which does not stop the other repairs.
fn fail(failed: &mut u32, subject: &str, error: tenancy::Error) {
    *failed += 1;
    output::failure(&anyhow::Error::from(error).context(subject.to_owned()));
}

/// Finishes the provisioning of a tenant. Its credentials are not printed, because output often ends up in logs.
async fn finish(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let Some(finished) = provision::finish(context, tenant.id).await? else { return Ok(()) };
    let line = json!({
        "finished_tenant": finished.tenant.id,
        "slug": finished.tenant.slug,
    });
    output::line(&line.to_string());
    Ok(())
}
