//! Compares the connections that tenants may have with those that PostgreSQL has.

use anyhow::{Result, bail};
use tenancy::{
    Tenancy,
    tenant::{cluster, repo, role_limits},
};

use super::Finding;

/// The connections of the catalog's account, of `tenantctl` and of dumps.
const OF_THE_PLATFORM: i64 = 20;
/// The fewest tenants that can use all of their connections at the same time.
const BUSY_TENANTS: i64 = 4;

/// Checks the limits of tenants' roles, and that some busy tenants do not use up the server.
pub(super) async fn check(tenancy: &Tenancy) -> Result<Finding> {
    let location = tenancy.settings.tenant_database_template.cluster();
    let cluster = cluster::connect(tenancy, &location, None).await?;
    let catalog = tenancy.catalog().await?;
    let roles = repo::list_with_database(&*catalog).await?;
    let roles = roles.items.into_iter().map(|tenant| tenant.database_role).collect();
    let survey = role_limits::survey(tenancy, &*cluster, roles).await?;
    let each = i64::from(tenancy.settings.role_limits.connections);
    let wanted = OF_THE_PLATFORM + BUSY_TENANTS * each;
    if survey.connections < OF_THE_PLATFORM + each {
        bail!(
            "PostgreSQL has {} connections, and one tenant may use {each} of them: raise max_connections to at \
             least {wanted}, or lower TENANT_CONNECTIONS",
            survey.connections
        );
    }
    let mut notes = Vec::new();
    if survey.connections < wanted {
        notes.push(format!(
            "PostgreSQL has {} connections: {BUSY_TENANTS} busy tenants with {each} each use them up. Raise \
             max_connections to at least {wanted}, or lower TENANT_CONNECTIONS",
            survey.connections
        ));
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
        Finding::Good(format!("{} of PostgreSQL, {each} for each tenant", survey.connections))
    } else {
        Finding::Doubtful(notes.join("; "))
    })
}
