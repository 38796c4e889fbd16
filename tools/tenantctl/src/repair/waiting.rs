//! `tenantctl repair --dry-run`: the work that a repair would do.

use anyhow::Result;
use serde_json::json;
use tenancy::{
    Context, app_migration, audit, bundle,
    lifecycle::{creation, databases},
    migrate,
    personal_data::erasure,
    storage,
    tenant::{cluster, repo},
    version_cache::queue,
};

use crate::{credentials, output};

/// Prints a line of JSON for each repair. Changes nothing.
pub(super) async fn report(context: &Context, minutes: i64) -> Result<()> {
    let catalog = context.catalog().await?;
    let show = |line: serde_json::Value| output::line(&line.to_string());
    show(json!({ "would_publish_changes": queue::count(&*catalog).await? }));
    let unfinished = creation::list_unfinished(&*catalog, minutes).await?;
    for tenant in &unfinished.items {
        show(json!({ "would_finish_tenant": tenant.id, "slug": tenant.slug }));
    }
    let deleting = repo::list_deleting(&*catalog, minutes).await?;
    for tenant in &deleting.items {
        show(json!({ "would_destroy_tenant": tenant.id, "slug": tenant.slug }));
    }
    let imports = bundle::import::list(&*catalog).await?;
    for import in &imports.items {
        let kind = import.kind.as_str();
        show(json!({ "would_finish_or_remove": kind, "slug": import.tenant.slug }));
    }
    for row in unfinished.unreadable.iter().chain(&deleting.unreadable).chain(&imports.unreadable) {
        show(json!({ "unreadable_tenant": row.id }));
    }
    let finished = creation::list_finished_roles(&*catalog).await?;
    for cluster in cluster::list(context).await? {
        let location = cluster.location(context)?;
        for name in migrate::list_unfinished_templates(context, &location).await? {
            show(json!({ "would_drop_template": name }));
        }
        for name in app_migration::list_leftovers(context, &cluster).await? {
            show(json!({ "would_drop_template_copy": name }));
        }
        for name in databases::list_leftovers(context, &location, finished.clone()).await? {
            show(json!({ "would_drop_leftover": name }));
        }
    }
    credentials::list_rotations(context).await?;
    for tenant in &repo::list_with_database(&*catalog).await?.items {
        let users = erasure::list(context, tenant).await;
        for user in repo::unless_destroyed(&*catalog, tenant.id, users).await?.unwrap_or_default() {
            show(json!({ "would_finish_user_erasure": user, "slug": tenant.slug }));
        }
    }
    // The service counts the events in tenants' databases only with a connection to each of them.
    show(json!({ "would_chain_audit_events_of_catalog": audit::count_waiting(&*catalog).await? }));
    show(json!({ "files_of_destroyed_tenants": storage::orphans::count(&*catalog).await? }));
    Ok(())
}
