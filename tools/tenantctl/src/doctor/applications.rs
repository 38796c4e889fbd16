//! Checks the limits of the roles of tenants' applications on the cluster.

use anyhow::Result;
use tenancy::{Context, migrate, tenant::cluster};

use super::Finding;

/// Checks the names of databases, which every role can read, and the database for copies, in which a superuser forbids
/// large objects.
pub(super) async fn check(context: &Context) -> Result<Finding> {
    let template = &context.settings.tenant_database_template;
    let cluster = cluster::connect(context, &template.cluster(), None).await?;
    let base = migrate::base_name(context);
    let mut notes = Vec::new();
    if template.reveals_slugs() {
        notes.push(
            "every database credential can read the slugs of all tenants in the names of databases: use {tenant_id} \
             instead of {tenant_slug} in TENANT_DATABASE_TEMPLATE"
                .to_owned(),
        );
    }
    if !migrate::exists(&*cluster, &base).await? {
        notes.push(format!(
            "there is no database {base}, so database credentials can create large objects: see \
             docs/application-database.md"
        ));
    }
    Ok(if notes.is_empty() {
        Finding::Good(format!("names without slugs, database for copies {base}"))
    } else {
        Finding::Doubtful(notes.join("; "))
    })
}
