//! Connections to PostgreSQL clusters for the creation of roles and databases.

use platform::sql::{Connection, SCHEMA_DEADLINE, SqlError, identifier};

use crate::{
    context::Context,
    database_location::TrustedLocation,
    error::{Error, Result},
    secret::Secret,
};

/// Returns a connection to `database` on the cluster of `location` that may create roles and databases. Without a name,
/// connects to the catalog if it is on the same cluster, and otherwise to `postgres`.
pub async fn connect(
    context: &Context,
    location: &TrustedLocation,
    database: Option<&str>,
) -> Result<Box<dyn Connection>> {
    if context.is_dry_run() {
        return Err(Error::internal("a dry run must not connect to a cluster"));
    }
    let url = url(context, location, database);
    Ok(context.platform.sql.connect(url.expose(), SCHEMA_DEADLINE).await?)
}

/// Drops a database of a cluster with its connections, if it exists. `server` is connected to another database.
pub(crate) async fn drop_database(server: &dyn Connection, name: &str) -> Result<(), SqlError> {
    let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(name));
    server.execute(&statement, &[]).await.map(drop)
}

/// Returns the URL of the connection that [`connect`] opens.
pub fn url(context: &Context, location: &TrustedLocation, database: Option<&str>) -> Secret {
    let catalog = &context.settings.master_database_url;
    let same_cluster = catalog.host == location.host && catalog.port == location.port;
    let default = if same_cluster { catalog.database.as_str() } else { "postgres" };
    let (user, password) = context
        .settings
        .tenant_database_template
        .account_at(location)
        .unwrap_or((&catalog.user, &catalog.password));
    location.url(database.unwrap_or(default), user, password.clone())
}
