//! PostgreSQL clusters: the cluster of `TENANT_DATABASE_TEMPLATE`, which is called `default`, and those that operators
//! have added to the catalog.
//!
//! The template of an added cluster is sealed with the master key, so write access to the catalog is not enough to send
//! credentials to another server.

mod record;
pub mod repo;

use platform::sql::{Connection, SCHEMA_DEADLINE, SqlError, identifier};
pub use record::{Cluster, ClusterName};
use uuid::Uuid;

use crate::{
    context::Context,
    crypto::Purpose,
    database_location::{DatabaseLocation, DatabaseTemplate, PublicHost, TrustedLocation},
    error::{Error, InvalidSetting, Result},
    secret::Secret,
};

/// The id of the cluster of `TENANT_DATABASE_TEMPLATE`.
pub const DEFAULT: Uuid = Uuid::nil();

/// Returns a connection to `database` on the cluster of `location` that may create roles and databases. Without a name,
/// connects to the catalog if it is on the same cluster, and otherwise to `postgres`.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub async fn connect(
    context: &Context,
    location: &TrustedLocation,
    database: Option<&str>,
) -> Result<Box<dyn Connection>> {
    if context.is_dry_run() {
        return Err(Error::internal("a dry run must not connect to a cluster"));
    }
    let url = url(context, location, database).await?;
    Ok(context.platform.sql.connect(url.expose(), SCHEMA_DEADLINE).await?)
}

/// Drops a database of a cluster with its connections, if it exists. `server` is connected to another database.
pub(crate) async fn drop_database(server: &dyn Connection, name: &str) -> Result<(), SqlError> {
    let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
    server.execute(&statement, &[]).await.map(drop)
}

/// Returns the URL with which [`connect`] connects.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn url(
    context: &Context,
    location: &TrustedLocation,
    database: Option<&str>,
) -> Result<Secret> {
    let catalog = &context.settings.master_database_url;
    let is_same = is_at(location, &catalog.host, catalog.port);
    let default = if is_same { catalog.database.as_str() } else { "postgres" };
    let (user, password) = account(context, location).await?;
    Ok(location.url(database.unwrap_or(default), &user, password))
}

/// Returns the account of the service on a cluster: that of the template, or that of the catalog.
async fn account(context: &Context, location: &TrustedLocation) -> Result<(String, Secret)> {
    let catalog = &context.settings.master_database_url;
    let template = &context.settings.tenant_database_template;
    let owned = |(user, password): (&str, &Secret)| (user.to_owned(), password.clone());
    if let Some(account) = template.account_at(location) {
        return Ok(owned(account));
    }
    let of_the_catalog = (catalog.user.clone(), catalog.password.clone());
    let default = template.cluster();
    if is_at(location, &catalog.host, catalog.port) || is_at(location, &default.host, default.port)
    {
        return Ok(of_the_catalog);
    }
    let added = find_at(context, location).await?;
    let added = added.map(|cluster| cluster.template(context)).transpose()?;
    let account = added.as_ref().and_then(|template| template.account_at(location)).map(owned);
    Ok(account.unwrap_or(of_the_catalog))
}

/// Returns the added cluster at a location, if there is one.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn find_at(context: &Context, location: &DatabaseLocation) -> Result<Option<Cluster>> {
    let catalog = context.catalog().await?;
    repo::find_at(&*catalog, &location.host, location.port).await
}

/// Returns the id of the cluster at a location; `None` if it is neither the default cluster nor an added one.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn id_at(context: &Context, location: &DatabaseLocation) -> Result<Option<Uuid>> {
    let default = context.settings.tenant_database_template.cluster();
    if is_at(location, &default.host, default.port) {
        return Ok(Some(DEFAULT));
    }
    Ok(find_at(context, location).await?.map(|cluster| cluster.id))
}

/// Returns all clusters, the default one first.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn list(context: &Context) -> Result<Vec<Cluster>> {
    let catalog = context.catalog().await?;
    repo::list(&*catalog).await
}

/// Chooses the cluster of a new tenant: by weight, among the clusters that are not draining.
///
/// # Errors
/// [`Error::Misconfigured`] if no cluster accepts new tenants.
pub(crate) async fn place(context: &Context) -> Result<DatabaseTemplate> {
    let mut clusters = list(context).await?;
    clusters.retain(|cluster| !cluster.is_draining && cluster.weight > 0);
    let random = u64::from_le_bytes(context.platform.random.bytes());
    match choose(&clusters, random) {
        Some(cluster) => cluster.template(context),
        None => Err(Error::Misconfigured(vec![InvalidSetting {
            name: "TENANT_DATABASE_TEMPLATE",
            message: "and all added clusters are draining: run tenantctl cluster undrain"
                .to_owned(),
        }])),
    }
}

/// Chooses one of the clusters in proportion to their weights. `random` is uniformly distributed.
fn choose(clusters: &[Cluster], random: u64) -> Option<&Cluster> {
    let total: u64 = clusters.iter().map(|cluster| u64::from(cluster.weight)).sum();
    // With a total of at most a few million, the bias of the remainder is negligible.
    let mut rest = random.checked_rem(total)?;
    clusters.iter().find(|cluster| {
        let weight = u64::from(cluster.weight);
        let is_chosen = rest < weight;
        rest = rest.saturating_sub(weight);
        is_chosen
    })
}

impl Cluster {
    /// Returns the template of the databases on this cluster.
    ///
    /// # Errors
    /// [`Error::Internal`] if no master key can unseal it.
    pub fn template(&self, context: &Context) -> Result<DatabaseTemplate> {
        let Some(sealed) = &self.sealed_template else {
            return Ok(context.settings.tenant_database_template.clone());
        };
        let text = context.master_key.open(Purpose::ClusterTemplate, self.id, sealed)?;
        let text = std::str::from_utf8(&text).map_err(Error::internal)?;
        let template = DatabaseTemplate::parse(text).map_err(|problem| {
            Error::internal(format!("the template of the cluster {} {problem}", self.name))
        })?;
        let at = template.cluster();
        // The columns are not sealed. They only find the row.
        if self.address.as_ref().is_none_or(|(host, port)| !is_at(&at, host, *port)) {
            return Err(Error::internal(format!(
                "the address of the cluster {} differs from its template",
                self.name
            )));
        }
        Ok(template)
    }

    /// Returns the location of the cluster, without a database.
    ///
    /// # Errors
    /// [`Error::Internal`] if no master key can unseal its template.
    pub fn location(&self, context: &Context) -> Result<TrustedLocation> {
        Ok(self.template(context)?.cluster())
    }
}

/// Returns the address that applications use for databases at a location, if it differs from the location.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub(crate) async fn public_host(
    context: &Context,
    location: &DatabaseLocation,
) -> Result<Option<PublicHost>> {
    match find_at(context, location).await? {
        Some(cluster) => Ok(cluster.public_host),
        None => Ok(context.settings.tenant_database_public_host.clone()),
    }
}

fn is_at(location: &DatabaseLocation, host: &str, port: u16) -> bool {
    (location.host.as_str(), location.port) == (host, port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Text as _;

    fn cluster(name: &str, weight: u32) -> Cluster {
        Cluster {
            id: Uuid::nil(),
            name: ClusterName::parse(name).unwrap(),
            address: None,
            sealed_template: None,
            public_host: None,
            weight,
            is_draining: false,
        }
    }

    #[test]
    fn choice_is_proportional_to_weights() {
        let clusters = [cluster("a", 1), cluster("b", 0), cluster("c", 3)];
        let mut counts = std::collections::BTreeMap::new();
        for random in 0..400 {
            let chosen = choose(&clusters, random).unwrap();
            *counts.entry(chosen.name.to_string()).or_insert(0) += 1;
        }
        assert_eq!(counts, [("a".to_owned(), 100), ("c".to_owned(), 300)].into());
        assert!(choose(&[], 1).is_none());
        assert!(choose(&[cluster("a", 0)], 1).is_none());
    }
}
