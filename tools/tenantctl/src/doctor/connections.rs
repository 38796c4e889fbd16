//! Compares the connection limits of tenants with the connections of PostgreSQL.

use anyhow::{Context as _, Result, bail};
use tenancy::{
    Context,
    lifecycle::role_limits,
    tenant::{cluster, repo},
};

use super::Finding;

/// The minimum number of tenants that must be able to use all of their connections at the same time.
const BUSY_TENANTS: i64 = 2;

/// Checks the limits of tenants' roles, and that a few busy tenants cannot exhaust the connections of the server.
pub(super) async fn check(context: &Context) -> Result<Finding> {
    let location = context.settings.tenant_database_template.cluster();
    let cluster = cluster::connect(context, &location, None).await?;
    let catalog = context.catalog().await?;
    let roles = repo::list_with_database(&*catalog).await?;
    let roles = roles.items.into_iter().map(|tenant| tenant.database_role).collect();
    let survey = role_limits::survey(context, &*cluster, roles).await?;
    let each = i64::from(context.settings.role_limits().connections);
    let of_the_catalog = i64::from(context.settings.catalog_connections);
    let wanted = of_the_catalog + BUSY_TENANTS * each;
    if survey.connections < of_the_catalog + each {
        bail!(
            "PostgreSQL has {} connections. The catalog may use {of_the_catalog} of them, and one tenant {each}: \
             raise max_connections to at least {wanted}, or lower CATALOG_CONNECTIONS or TENANT_CONNECTIONS",
            survey.connections
        );
    }
    let mut notes = Vec::new();
    if survey.connections < wanted {
        notes.push(format!(
            "PostgreSQL has {} connections. The catalog with {of_the_catalog} and {BUSY_TENANTS} busy tenants with \
             {each} each can exhaust them: raise max_connections to at least {wanted}, or lower CATALOG_CONNECTIONS or \
             TENANT_CONNECTIONS",
            survey.connections
        ));
    }
    let limit = "SELECT datconnlimit AS most FROM pg_database WHERE datname = current_database()";
    let limit =
        catalog.query_first(limit, &[]).await?.context("the catalog database is missing")?;
    let limit: i32 = limit.get("most")?;
    if i64::from(limit) != of_the_catalog {
        notes.push(
            "the catalog's connection limit differs from CATALOG_CONNECTIONS: run tenantctl migrate as the owner of \
             the database"
                .to_owned(),
        );
    }
    if !survey.may_limit_files {
        notes.push(
            "temp_file_limit cannot be set for tenants' roles: have a superuser run GRANT SET ON PARAMETER \
             temp_file_limit TO the account, then run tenantctl migrate"
                .to_owned(),
        );
    }
    if !survey.outdated.is_empty() {
        notes.push(format!(
            "the limits of {} tenants' roles differ from the settings: run tenantctl migrate",
            survey.outdated.len()
        ));
    }
    Ok(if notes.is_empty() {
        Finding::Good(format!(
            "{} in PostgreSQL, {of_the_catalog} for the catalog, {each} for each tenant",
            survey.connections
        ))
    } else {
        Finding::Doubtful(notes.join("; "))
    })
}
