//! Migrations of the catalog and of tenants' databases.
//!
//! Migrations are crash-safe: each one is a `DO` block and therefore one transaction, which also records that it ran. A
//! template database is built under a temporary name and renamed when it is complete.

mod embedded;
mod privileges;
mod template_source;

use platform::sql::{Connection, SqlError, identifier, literal, patiently, state};
pub(crate) use privileges::SEARCH_PATH;
use sha2::{Digest, Sha256};

use crate::{
    context::Context,
    database_location::TrustedLocation,
    error::{Error, Result},
    tenant::cluster,
};

/// One migration.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The number of the migration, from 1.
    pub version: i32,
    /// The name of the migration.
    pub name: &'static str,
    sql: &'static str,
}

/// The migrations of the catalog, in order.
pub const CATALOG: &[Migration] = embedded::CATALOG;
/// The migrations of a tenant's database, in order.
pub const TENANT: &[Migration] = embedded::TENANT;

/// Migrates the catalog to the newest version and returns the migrations that ran. `connections` is the maximum number
/// of concurrent connections to the database.
pub async fn migrate_catalog(
    catalog: &dyn Connection,
    connections: u32,
) -> Result<Vec<&'static Migration>> {
    let ran = apply(catalog, CATALOG).await?;
    catalog.execute(&patiently("PERFORM ensure_audit_months(24);"), &[]).await?;
    // Tenants' roles are in the same cluster, and PUBLIC includes them.
    let close = "DO $close$ BEGIN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    END $close$";
    catalog.execute(close, &[]).await?;
    limit_account(catalog).await?;
    limit_connections(catalog, connections).await?;
    Ok(ran)
}

/// Limits the connections to the database, so that the pools of all hosts together leave some for the tenants'
/// databases on the same server.
async fn limit_connections(catalog: &dyn Connection, connections: u32) -> Result<()> {
    let statement = format!(
        "DO $limit$ BEGIN
            EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT {connections}', current_database());
        END $limit$"
    );
    allowed(catalog.execute(&statement, &[]).await)
}

/// Ignores a refusal due to a missing privilege. The account of a managed server may not be allowed to set limits, and
/// `doctor` reports missing limits.
fn allowed(outcome: Result<u64, SqlError>) -> Result<()> {
    match outcome {
        Err(error) if error.is(state::INSUFFICIENT_PRIVILEGE) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// Sets timeouts on the account's own role. The server closes idle connections of a pool, and cancels a statement that
/// takes longer than the longest deadline ([`platform::sql::SCHEMA_DEADLINE`]).
pub async fn limit_account(database: &dyn Connection) -> Result<()> {
    let statement = "DO $limits$ BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(current_user, 0));
        ALTER ROLE CURRENT_USER SET statement_timeout = '65s';
        ALTER ROLE CURRENT_USER SET idle_in_transaction_session_timeout = '65s';
        ALTER ROLE CURRENT_USER SET idle_session_timeout = '10s';
    END $limits$";
    allowed(database.execute(statement, &[]).await)
}

/// Migrates a tenant's database to the newest version, grants its tables to the tenant's role, and returns the
/// migrations that ran. The connection must belong to the account that owns the database. The template database has no
/// role.
pub async fn migrate_tenant(
    database: &dyn Connection,
    role: Option<&str>,
) -> Result<Vec<&'static Migration>> {
    // Grants come before a migration that revokes the tables from PUBLIC, because requests continue meanwhile.
    if let Some(role) = role
        && version(database).await? >= privileges::SINCE
    {
        privileges::grant(database, role).await?;
    }
    let ran = apply(database, TENANT).await?;
    if let (Some(role), false) = (role, ran.is_empty()) {
        privileges::grant(database, role).await?;
    }
    Ok(ran)
}

/// Grants the tables of a tenant's database to the tenant's role. It is idempotent.
pub(crate) async fn grant_to_role(database: &dyn Connection, role: &str) -> Result<()> {
    privileges::grant(database, role).await
}

/// Returns the schema version of a database, or 0 if it was never migrated.
pub async fn version(database: &dyn Connection) -> Result<i32> {
    match database.query_first("SELECT max(version) AS version FROM schema_migrations", &[]).await {
        Ok(Some(row)) => Ok(row.get::<Option<i32>>("version")?.unwrap_or(0)),
        Ok(None) => Ok(0),
        Err(error) if error.is(state::UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Returns the version that results from `migrations`.
pub fn newest(migrations: &[Migration]) -> i32 {
    migrations.last().map_or(0, |migration| migration.version)
}

async fn apply(
    database: &dyn Connection,
    migrations: &'static [Migration],
) -> Result<Vec<&'static Migration>> {
    let create_table = "
        DO $table$ BEGIN
            CREATE TABLE IF NOT EXISTS schema_migrations (
                version integer PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            );
        EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL; -- another migrator was as fast
        END $table$";
    database.execute(create_table, &[]).await?;
    let mut ran = Vec::new();
    for migration in migrations {
        match applied_checksum(database, migration.version).await? {
            None => {
                database.execute(&migration.statement(), &[]).await?;
                ran.push(migration);
            }
            Some(checksum) if checksum == migration.checksum() => {}
            Some(_) => {
                return Err(Error::internal(format!(
                    "the migration {} has changed since it ran",
                    migration.name
                )));
            }
        }
    }
    Ok(ran)
}

async fn applied_checksum(database: &dyn Connection, version: i32) -> Result<Option<String>> {
    let statement = "SELECT checksum FROM schema_migrations WHERE version = $1";
    let row = database.query_first(statement, &[version.into()]).await?;
    Ok(row.map(|row| row.get("checksum")).transpose()?)
}

impl Migration {
    fn checksum(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(self.sql.as_bytes()))
    }

    /// Returns the migration as one statement, which does nothing if another migrator was faster.
    fn statement(&self) -> String {
        patiently(&format!(
            "LOCK TABLE schema_migrations IN EXCLUSIVE MODE;
             IF EXISTS (SELECT FROM schema_migrations WHERE version = {version}) THEN
                 RETURN;
             END IF;
             {sql}
             INSERT INTO schema_migrations (version, name, checksum)
             VALUES ({version}, {name}, {checksum});",
            version = self.version,
            sql = self.sql,
            name = literal(self.name),
            checksum = literal(&self.checksum()),
        ))
    }
}

/// Returns the name of the template database that new tenants' databases are copied from. The name contains the schema
/// version, so that application versions that run side by side each find their template.
pub fn template_name(context: &Context) -> String {
    format!("{}_tenant_v{}", template_stem(context), newest(TENANT))
}

/// Returns the catalog's name, shortened and restricted to characters that are safe in an SQL pattern.
fn template_stem(context: &Context) -> String {
    context
        .settings
        .master_database_url
        .database
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() { char } else { '_' })
        .take(30)
        .collect()
}

/// Returns the name of the database that the template database is copied from, if the cluster has it. The owner of the
/// cluster can prepare there what needs a superuser: extensions, and functions that no application may call.
pub fn base_name(context: &Context) -> String {
    format!("{}_base", template_stem(context))
}

/// Returns the name of the role that owns the application's objects in the template database. In a copy, the owners of
/// the tenant's schema `app` become their owners.
pub fn template_owner(context: &Context) -> String {
    format!("{}_template_owner", template_stem(context))
}

/// Creates the template database on the cluster of `location` unless it exists. Returns whether it was created.
pub async fn create_template(context: &Context, location: &TrustedLocation) -> Result<bool> {
    let name = template_name(context);
    let cluster = cluster::connect(context, location, None).await?;
    if exists(&*cluster, &name).await? {
        return Ok(false);
    }
    let unfinished = format!("{name}_{}", u32::from_le_bytes(context.platform.random.bytes()));
    let built = build_template(context, location, &*cluster, &unfinished, &name).await;
    if built.is_err() {
        cluster::drop_database(&*cluster, &unfinished).await?;
        // If the template exists now, another call was faster, and its template is equivalent.
        if exists(&*cluster, &name).await? {
            return Ok(false);
        }
    }
    built.map(|()| true)
}

/// Drops incomplete template databases and returns their names. A template that another call is currently building is
/// dropped as well, and is then built again.
pub async fn drop_unfinished_templates(
    context: &Context,
    location: &TrustedLocation,
) -> Result<Vec<String>> {
    let names = list_unfinished_templates(context, location).await?;
    let cluster = cluster::connect(context, location, None).await?;
    for name in &names {
        cluster::drop_database(&*cluster, name).await?;
    }
    Ok(names)
}

/// Returns the names of incomplete template databases, including those that are currently being built.
pub async fn list_unfinished_templates(
    context: &Context,
    location: &TrustedLocation,
) -> Result<Vec<String>> {
    let cluster = cluster::connect(context, location, None).await?;
    let find = "SELECT datname::text AS name FROM pg_database
                WHERE datname ~ ('^' || $1 || '_tenant_v[0-9]+_[0-9]+$')";
    let rows = cluster.query(find, &[template_stem(context).into()]).await?;
    let names = rows.iter().map(|row| row.get("name"));
    Ok(names.collect::<std::result::Result<_, SqlError>>()?)
}

/// Returns whether a cluster has a database with this name.
pub async fn exists(cluster: &dyn Connection, database: &str) -> Result<bool> {
    let statement = "SELECT FROM pg_database WHERE datname = $1";
    Ok(cluster.query_first(statement, &[database.into()]).await?.is_some())
}

async fn build_template(
    context: &Context,
    location: &TrustedLocation,
    server: &dyn Connection,
    unfinished: &str,
    name: &str,
) -> Result<()> {
    let (from, to) = (identifier(unfinished), identifier(name));
    let id = cluster::id_at(context, location).await?;
    let source = template_source::find(context, server, id, name).await?;
    let create = format!(
        "CREATE DATABASE {from} TEMPLATE {} ENCODING 'UTF8' ALLOW_CONNECTIONS false",
        identifier(source.name())
    );
    server.execute(&create, &[]).await?;
    // Every role can connect to a new database, so connections are allowed only after this privilege is revoked.
    let open = format!(
        "DO $template$ BEGIN
             REVOKE ALL ON DATABASE {from} FROM PUBLIC;
             {search_path}
             ALTER DATABASE {from} ALLOW_CONNECTIONS true;
         END $template$",
        search_path = source.search_path(&from),
    );
    server.execute(&open, &[]).await?;
    let database = cluster::connect(context, location, Some(unfinished)).await?;
    migrate_tenant(&*database, None).await?;
    drop(database);
    server.execute(&format!("ALTER DATABASE {from} ALLOW_CONNECTIONS false"), &[]).await?;
    // A host's pool may keep the session that ran the migration, but a database can be renamed only without sessions.
    let end_sessions = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                        WHERE datname = $1 AND usename = current_user";
    server.query(end_sessions, &[unfinished.into()]).await?;
    server.execute(&format!("ALTER DATABASE {from} RENAME TO {to}"), &[]).await?;
    source.record(context, id, name).await
}
