//! Checks the clusters of tenants' databases.

use anyhow::{Result, bail};
use tenancy::{
    Context, app_migration,
    lifecycle::{clusters, creation, databases},
    migrate,
    tenant::cluster::{self, Cluster},
};

use super::Finding;

/// Checks each cluster. Returns the findings with their names.
pub(super) async fn check(context: &Context) -> Vec<(String, Result<Finding>)> {
    let list = match cluster::list(context).await {
        Ok(list) => list,
        Err(error) => return vec![("tenants' cluster".to_owned(), Err(error.into()))],
    };
    let mut findings = Vec::new();
    for cluster in &list {
        let name = if cluster.id == cluster::DEFAULT {
            "tenants' cluster".to_owned()
        } else {
            format!("cluster {}", cluster.name)
        };
        findings.push((name, check_one(context, cluster).await));
    }
    if !list.iter().any(|cluster| !cluster.is_draining && cluster.weight > 0) {
        let error =
            anyhow::anyhow!("no cluster accepts new tenants: run tenantctl cluster undrain");
        findings.push(("placement".to_owned(), Err(error)));
    }
    findings
}

async fn check_one(context: &Context, cluster: &Cluster) -> Result<Finding> {
    let location = cluster.location(context)?;
    let version = clusters::check(context, &location).await?;
    let template = migrate::template_name(context);
    let server = cluster::connect(context, &location, None).await?;
    if !migrate::exists(&*server, &template).await? {
        bail!("the template database {template} is missing: run tenantctl migrate");
    }
    let state = if cluster.is_draining { ", draining" } else { "" };
    Ok(Finding::Good(format!("PostgreSQL {version}, template {template}{state}")))
}

/// Counts the databases that interrupted work has left on all clusters.
pub(super) async fn count_copies(context: &Context) -> Result<Vec<(&'static str, i64)>> {
    let catalog = context.catalog().await?;
    let finished = creation::list_finished_roles(&*catalog).await?;
    let (mut invalid, mut leftovers, mut copies, mut unfinished) = (0, 0, 0, 0);
    for cluster in cluster::list(context).await? {
        let location = cluster.location(context)?;
        invalid += databases::list_invalid(context, &location).await?.len();
        leftovers += databases::list_leftovers(context, &location, finished.clone()).await?.len();
        copies += app_migration::list_leftovers(context, &cluster).await?.len();
        unfinished += migrate::list_unfinished_templates(context, &location).await?.len();
    }
    let count = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    Ok(vec![
        ("invalid databases", count(invalid)),
        ("copies of the template database", count(leftovers)),
        ("copies of the template for migrations of the application", count(copies)),
        ("unfinished template databases", count(unfinished)),
    ])
}
