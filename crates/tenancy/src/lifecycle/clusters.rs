//! Adding, draining and removing clusters.
//!
//! Under a crash: a new cluster is draining until its template database is complete, so no tenant is placed there
//! before. Repeating the command finishes it.

use platform::sql::{Connection, SCHEMA_DEADLINE};
use serde_json::json;

use crate::{
    audit,
    context::Context,
    crypto::Purpose,
    database_location::{DatabaseTemplate, PublicHost, TrustedLocation},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    migrate,
    tenant::cluster::{self, Cluster, ClusterName, repo},
};

/// The oldest supported PostgreSQL version, as `server_version_num`.
const POSTGRESQL: i32 = 150_000;

/// A cluster to add.
pub struct NewCluster {
    /// The name.
    pub name: ClusterName,
    /// A value of the form of `TENANT_DATABASE_TEMPLATE`.
    pub template: String,
    /// The address for applications, if it differs from that of the cluster.
    pub public_host: Option<PublicHost>,
    /// The share of new tenants, from 0 to 1000.
    pub weight: u32,
}

/// The reason why a cluster cannot be used, added or removed.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The server is older than PostgreSQL 15.
    #[error("PostgreSQL {0} is older than 15")]
    Old(i32),
    /// The account of the service lacks rights.
    #[error("the account cannot create databases and roles: ALTER ROLE ... CREATEDB CREATEROLE")]
    Rights,
    /// The template is invalid.
    #[error("the template {0}")]
    Template(String),
    /// The address belongs to the default cluster.
    #[error("this is the cluster of TENANT_DATABASE_TEMPLATE, which is called default")]
    Default,
    /// Another cluster has the name or the address.
    #[error("another cluster has this name or this address")]
    Taken,
    /// The cluster does not exist.
    #[error("there is no cluster with this name")]
    NotFound,
    /// The cluster has tenants, is the source or the target of a move, or is not draining.
    #[error(
        "only an added cluster that is draining and has no tenants can be removed: drain it, and move its tenants"
    )]
    InUse,
    /// A store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Checks that a server can have tenants' databases, and returns its major version.
///
/// # Errors
/// [`Problem::Old`], [`Problem::Rights`], and [`Problem::Store`] if the server is unavailable.
pub async fn check(context: &Context, location: &TrustedLocation) -> Result<i32, Problem> {
    check_server(&*cluster::connect(context, location, None).await?).await
}

async fn check_server(server: &dyn Connection) -> Result<i32, Problem> {
    let statement = "
        SELECT current_setting('server_version_num')::integer AS version,
               COALESCE((SELECT rolsuper OR (rolcreatedb AND rolcreaterole)
                         FROM pg_roles WHERE rolname = current_user), false) AS may_create";
    let row = server.query_first(statement, &[]).await.map_err(Error::from)?;
    let row = row.ok_or_else(|| Error::internal("the server returned no version"))?;
    let version: i32 = row.get("version").map_err(Error::from)?;
    if version < POSTGRESQL {
        return Err(Problem::Old(version / 10_000));
    }
    if !row.get::<bool>("may_create").map_err(Error::from)? {
        return Err(Problem::Rights);
    }
    Ok(version / 10_000)
}

/// Adds a cluster, builds its template database, and lets it accept new tenants. Repeating it with the same name and
/// address replaces the template, for example for another password.
///
/// # Errors
/// The reason why the server cannot be used, and [`Problem::Taken`].
pub async fn add(context: &Context, new: &NewCluster, actor: &Actor) -> Result<Cluster, Problem> {
    try_out(context, new).await?;
    let location = DatabaseTemplate::parse(&new.template).map_err(Problem::Template)?.cluster();
    let catalog = context.catalog().await?;
    let known = repo::find(&*catalog, &new.name).await?;
    let id = known.map_or_else(
        || context.platform.random.uuid(context.platform.clock.now()),
        |known| known.id,
    );
    let random = &*context.platform.random;
    let sealed =
        context.master_key.seal(Purpose::ClusterTemplate, id, new.template.as_bytes(), random)?;
    let cluster = Cluster {
        id,
        name: new.name.clone(),
        address: Some((location.host.clone(), location.port)),
        sealed_template: Some(sealed),
        public_host: new.public_host.clone(),
        weight: new.weight,
        is_draining: true,
    };
    let entry = entry(context, name::CLUSTER_ADDED, &cluster, actor);
    if !repo::put(&*catalog, &cluster, &entry).await? {
        return Err(Problem::Taken);
    }
    migrate::limit_account(&*cluster::connect(context, &location, None).await?).await?;
    migrate::create_template(context, &location).await?;
    set_draining(context, &new.name, false, actor).await?;
    Ok(Cluster { is_draining: false, ..cluster })
}

/// Checks that the server of a new cluster can have tenants' databases, and returns its major version.
///
/// # Errors
/// The reason why it cannot be used.
pub async fn try_out(context: &Context, new: &NewCluster) -> Result<i32, Problem> {
    let template = DatabaseTemplate::parse(&new.template).map_err(Problem::Template)?;
    let location = template.cluster();
    let default = context.settings.tenant_database_template.cluster();
    if (&location.host, location.port) == (&default.host, default.port) {
        return Err(Problem::Default);
    }
    let catalog = &context.settings.master_database_url;
    let account = template.account_at(&location);
    let (user, password) = account.unwrap_or((&catalog.user, &catalog.password));
    let is_catalog = (&location.host, location.port) == (&catalog.host, catalog.port);
    let database = if is_catalog { catalog.database.as_str() } else { "postgres" };
    let url = location.url(database, user, password.clone());
    let server = context.platform.sql.connect(url.expose(), SCHEMA_DEADLINE).await;
    check_server(&*server.map_err(Error::from)?).await
}

/// Stops or allows the placement of new tenants on a cluster. Its tenants are not affected.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn set_draining(
    context: &Context,
    name: &ClusterName,
    is_draining: bool,
    actor: &Actor,
) -> Result<(), Problem> {
    let catalog = context.catalog().await?;
    let cluster = find(&*catalog, name).await?;
    let event = if is_draining { name::CLUSTER_DRAINED } else { name::CLUSTER_UNDRAINED };
    let entry = entry(context, event, &cluster, actor);
    if !repo::set_draining(&*catalog, cluster.id, is_draining, &entry).await? {
        return Err(Problem::NotFound);
    }
    audit::try_flush_catalog(context, None).await;
    Ok(())
}

/// Changes the share of new tenants of a cluster.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn set_weight(
    context: &Context,
    name: &ClusterName,
    weight: u32,
    actor: &Actor,
) -> Result<(), Problem> {
    let catalog = context.catalog().await?;
    let cluster = Cluster { weight, ..find(&*catalog, name).await? };
    let entry = entry(context, name::CLUSTER_UPDATED, &cluster, actor);
    if !repo::set_weight(&*catalog, cluster.id, weight, &entry).await? {
        return Err(Problem::NotFound);
    }
    audit::try_flush_catalog(context, None).await;
    Ok(())
}

/// Removes a cluster without tenants from the catalog. Its template database stays.
///
/// # Errors
/// [`Problem::NotFound`], [`Problem::InUse`].
pub async fn remove(context: &Context, name: &ClusterName, actor: &Actor) -> Result<(), Problem> {
    let catalog = context.catalog().await?;
    let cluster = find(&*catalog, name).await?;
    let entry = entry(context, name::CLUSTER_REMOVED, &cluster, actor);
    if !repo::remove(&*catalog, cluster.id, &entry).await? {
        return Err(Problem::InUse);
    }
    audit::try_flush_catalog(context, None).await;
    Ok(())
}

/// Returns the cluster with a name.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn find(catalog: &dyn Connection, name: &ClusterName) -> Result<Cluster, Problem> {
    repo::find(catalog, name).await?.ok_or(Problem::NotFound)
}

/// Returns the number of tenants on a cluster, in any state.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn count_tenants(context: &Context, cluster: &Cluster) -> Result<i64> {
    let location = cluster.location(context)?;
    let catalog = context.catalog().await?;
    repo::count_tenants(&*catalog, &location.host, location.port).await
}

fn entry(context: &Context, event: &'static str, cluster: &Cluster, actor: &Actor) -> Entry {
    let address = cluster.address.as_ref().map(|(host, port)| format!("{host}:{port}"));
    let event = Event::new(event)
        .severity(Severity::Warning)
        .about("cluster", cluster.name.as_str())
        .detail(json!({ "address": address, "weight": cluster.weight }));
    Entry::new(context, None, actor, event)
}
