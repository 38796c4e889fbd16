//! Creation and removal of tenants' roles and databases on a PostgreSQL cluster.
//!
//! The statements are crash-safe: each one finds the results of an earlier attempt and continues from there. A tenant's
//! database is created with connections disabled, under a name that no other tenant has. One statement
//! then grants the privileges, enables connections and renames the database. So a database with the final name belongs
//! to the tenant if the tenant's role may connect to it, and no connection is possible before that.

use std::time::Duration;

use platform::sql::{Connection, SqlError, identifier, literal, state};

use crate::{
    context::Context,
    credential::scram,
    database_location::{DatabaseLocation, TrustedLocation},
    database_role,
    error::{Error, Result},
    migrate,
    secret::Secret,
    tenant::{
        TenantRecord,
        cluster::{self, connect},
        database,
    },
};

const COPY_ATTEMPTS: u32 = 10;
const COPY_PAUSE: Duration = Duration::from_millis(200);

/// Creates the tenant's role and database unless they exist.
pub(crate) async fn create_database(context: &Context, record: &TenantRecord) -> Result<()> {
    let location = record.trusted_location(context)?;
    let cluster = connect(context, &location, None).await?;
    let password = database::open_password(context, record)?;
    put_role(context, &*cluster, record, &password).await?;
    if is_ready(&*cluster, record).await? {
        return bring_up_to_date(context, record).await;
    }
    let made = match copy_template(context, &*cluster, &location, &copy_name(record)).await {
        Ok(()) => open_to_its_role(&*cluster, record).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(()) => bring_up_to_date(context, record).await,
        // Another call was faster, so the copy of this call may be left over.
        Err(_) if is_ready(&*cluster, record).await? => {
            drop_unused(&*cluster, &copy_name(record)).await?;
            // The other call may not have granted the tables yet.
            bring_up_to_date(context, record).await
        }
        Err(error) => Err(error),
    }
}

/// Grants the tables to the tenant's role, because the template has no role to grant them to. A database of an earlier
/// attempt may also have the schema of an earlier version of this program.
async fn bring_up_to_date(context: &Context, record: &TenantRecord) -> Result<()> {
    let location = record.trusted_location(context)?;
    let database = connect(context, &location, Some(&location.name)).await?;
    migrate::migrate_tenant(&*database, Some(&record.database_role)).await?;
    Ok(())
}

/// Returns the name of the tenant's database before it is complete.
fn copy_name(record: &TenantRecord) -> String {
    let role = &record.database_role;
    if record.database.name == *role { of_copy(role) } else { role.clone() }
}

/// Returns the name of a copy, if the complete database has the name of the role.
fn of_copy(role: &str) -> String {
    format!("{role}_copy")
}

/// Creates the tenant's role with its limits, or sets its password and limits.
pub(super) async fn put_role(
    context: &Context,
    cluster: &dyn Connection,
    record: &TenantRecord,
    password: &Secret,
) -> Result<()> {
    // Only a verifier is sent, so the statement log never contains the password.
    let verifier = scram::verifier(password.expose(), &context.platform.random.bytes())?;
    let statement = format!(
        "DO $role$ BEGIN
             PERFORM pg_advisory_xact_lock(hashtextextended({name}, 0));
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) THEN
                 ALTER ROLE {role} PASSWORD {verifier};
             ELSE
                 CREATE ROLE {role} LOGIN NOINHERIT PASSWORD {verifier};
             END IF;
             {limits}
         END $role$",
        name = literal(&record.database_role),
        role = identifier(&record.database_role),
        verifier = literal(&verifier),
        limits = context.settings.role_limits().statements(&record.database_role),
    );
    cluster.execute(&statement, &[]).await?;
    Ok(())
}

/// Returns whether the tenant's database has its final name and its role has an explicit CONNECT privilege.
async fn is_ready(cluster: &dyn Connection, record: &TenantRecord) -> Result<bool> {
    let statement = "
        SELECT FROM pg_database d, aclexplode(d.datacl) given
        JOIN pg_roles r ON r.oid = given.grantee
        WHERE d.datname = $1 AND r.rolname = $2 AND given.privilege_type = 'CONNECT'";
    let parameters = [record.database.name.as_str().into(), record.database_role.as_str().into()];
    Ok(cluster.query_first(statement, &parameters).await?.is_some())
}

/// Copies the migrated template to a database with connections disabled.
async fn copy_template(
    context: &Context,
    cluster: &dyn Connection,
    location: &TrustedLocation,
    name: &str,
) -> Result<()> {
    let statement = format!(
        "CREATE DATABASE {} TEMPLATE {} ALLOW_CONNECTIONS false",
        identifier(name),
        identifier(&migrate::template_name(context)),
    );
    for _ in 0..COPY_ATTEMPTS {
        match cluster.execute(&statement, &[]).await {
            Ok(_) => return Ok(()),
            // The database comes from an earlier attempt or from a concurrent call.
            Err(error)
                if error.is(state::DUPLICATE_DATABASE)
                    || error.constraint() == Some("pg_database_datname_index") =>
            {
                if is_invalid(cluster, name).await? {
                    drop_unused(cluster, name).await?;
                    continue;
                }
                return Ok(());
            }
            Err(error) if error.is(state::INVALID_CATALOG_NAME) => {
                migrate::create_template(context, location).await?;
            }
            // Another connection is temporarily using the template.
            Err(error) if error.is(state::OBJECT_IN_USE) => {
                context.platform.executor.sleep(COPY_PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::unavailable("the template database is in use"))
}

/// Grants the privileges on the copy and renames it, in one statement.
async fn open_to_its_role(cluster: &dyn Connection, record: &TenantRecord) -> Result<()> {
    let statement = format!(
        "DO $database$ BEGIN
             PERFORM pg_advisory_xact_lock(hashtextextended({lock}, 0));
             REVOKE ALL ON DATABASE {copy} FROM PUBLIC;
             GRANT CONNECT ON DATABASE {copy} TO {role};
             ALTER DATABASE {copy} {search_path};
             ALTER DATABASE {copy} ALLOW_CONNECTIONS true;
             ALTER DATABASE {copy} RENAME TO {name};
         END $database$",
        search_path = migrate::SEARCH_PATH,
        lock = literal(&record.database_role),
        copy = identifier(&copy_name(record)),
        role = identifier(&record.database_role),
        name = identifier(&record.database.name),
    );
    match cluster.execute(&statement, &[]).await {
        Ok(_) => Ok(()),
        Err(error) if error.is(state::DUPLICATE_DATABASE) => Err(Error::internal(format!(
            "the database {} exists but does not belong to the tenant {}: rename it, then repeat the call",
            record.database.name, record.id
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a tenant has a database that it can connect to. If `DROP DATABASE` is interrupted, the database is
/// marked as invalid with a connection limit of -2 (PostgreSQL 15.4 and newer).
pub(crate) async fn has_database(context: &Context, record: &TenantRecord) -> Result<bool> {
    let location = record.trusted_location(context)?;
    let cluster = connect(context, &location, None).await?;
    let statement = "
        SELECT FROM pg_database d
        WHERE d.datname = $1 AND d.datallowconn AND d.datconnlimit <> -2
          AND EXISTS (SELECT FROM pg_roles r, aclexplode(d.datacl) given
                      WHERE r.rolname = $2 AND r.oid = given.grantee
                        AND given.privilege_type = 'CONNECT')";
    let parameters = [record.database.name.as_str().into(), record.database_role.as_str().into()];
    Ok(cluster.query_first(statement, &parameters).await?.is_some())
}

/// Returns whether an interrupted `DROP DATABASE` left this database invalid.
async fn is_invalid(cluster: &dyn Connection, database: &str) -> Result<bool> {
    let statement = "SELECT FROM pg_database WHERE datname = $1 AND datconnlimit = -2";
    Ok(cluster.query_first(statement, &[database.into()]).await?.is_some())
}

/// Returns the databases of a cluster that an interrupted `DROP DATABASE` left invalid and that belong to this
/// program's account.
pub async fn list_invalid(context: &Context, location: &TrustedLocation) -> Result<Vec<String>> {
    let cluster = connect(context, location, None).await?;
    let statement = "
        SELECT d.datname::text AS name FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
        WHERE d.datconnlimit = -2 AND r.rolname = current_user ORDER BY 1";
    let rows = cluster.query(statement, &[]).await?;
    let names = rows.iter().map(|row| row.get("name"));
    Ok(names.collect::<std::result::Result<_, SqlError>>()?)
}

/// Drops a tenant's database and role, if they exist.
pub(crate) async fn drop_database(context: &Context, record: &TenantRecord) -> Result<()> {
    let location = record.trusted_location(context)?;
    let cluster = connect(context, &location, None).await?;
    // A database with this name belongs to the tenant only if the tenant's role may connect to it.
    if is_ready(&*cluster, record).await? {
        // Only members of a role can terminate its connections.
        let role = identifier(&record.database_role);
        cluster.execute(&format!("GRANT {role} TO CURRENT_USER"), &[]).await?;
        drop_unused(&*cluster, &record.database.name).await?;
    }
    drop_unused(&*cluster, &copy_name(record)).await?;
    for beside in Beside::ALL {
        drop_unused(&*cluster, &beside.name(record)).await?;
    }
    database_role::drop_all(&*cluster, record).await?;
    let role = identifier(&record.database_role);
    cluster.execute(&format!("DROP ROLE IF EXISTS {role}"), &[]).await?;
    Ok(())
}

/// Drops the database that a tenant had before a move, with the roles on its cluster. The tenant's role may not connect to
/// it any longer, and must not: a request with an earlier location could write to it.
pub(super) async fn drop_moved(context: &Context, source: &TenantRecord) -> Result<()> {
    let location = source.trusted_location(context)?;
    let server = connect(context, &location, None).await?;
    let drop =
        format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(&source.database.name));
    server.execute(&drop, &[]).await.map_err(in_use)?;
    database_role::drop_all(&*server, source).await?;
    let role = identifier(&source.database_role);
    server.execute(&format!("DROP ROLE IF EXISTS {role}"), &[]).await?;
    Ok(())
}

/// Another session uses the database, and this account may not terminate it (a superuser or a dump). The session must
/// end first.
fn in_use(error: SqlError) -> Error {
    if error.is(state::OBJECT_IN_USE) || error.is(state::INSUFFICIENT_PRIVILEGE) {
        return Error::unavailable(error);
    }
    error.into()
}

/// A database of a restore, beside the tenant's own one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The database that is being filled.
    Restore,
    /// The database that the tenant had before.
    Former,
}

impl Beside {
    const ALL: [Self; 2] = [Self::Restore, Self::Former];

    /// Returns the name. It begins with the name of the tenant's role, which is unique and has 39 bytes.
    pub(crate) fn name(self, record: &TenantRecord) -> String {
        let suffix = match self {
            Self::Restore => "restore",
            Self::Former => "former",
        };
        format!("{}_{suffix}", record.database_role)
    }
}

/// Returns the record of a tenant with a database beside its own one.
pub(crate) fn record_beside(
    context: &Context,
    record: &TenantRecord,
    place: Beside,
) -> Result<TenantRecord> {
    let location = DatabaseLocation { name: place.name(record), ..record.database.clone() };
    let password = database::open_password(context, record)?;
    let (role, password) = (&record.database_role, password.expose().as_bytes());
    let password = database::seal_password(context, record.id, &location, role, password)?;
    Ok(TenantRecord { database: location, database_password: Some(password), ..record.clone() })
}

/// Creates a database for the restore of a tenant, beside the tenant's own one. PUBLIC cannot connect to it. A database of an interrupted attempt is dropped first.
pub(crate) async fn create_beside(
    context: &Context,
    location: &TrustedLocation,
    name: &str,
) -> Result<()> {
    let cluster = connect(context, location, None).await?;
    drop_unused(&*cluster, name).await?;
    copy_template(context, &*cluster, location, name).await?;
    let statement = format!(
        "DO $database$ BEGIN
             REVOKE ALL ON DATABASE {name} FROM PUBLIC;
             ALTER DATABASE {name} {search_path};
             ALTER DATABASE {name} ALLOW_CONNECTIONS true;
         END $database$",
        search_path = migrate::SEARCH_PATH,
        name = identifier(name),
    );
    cluster.execute(&statement, &[]).await?;
    Ok(())
}

/// Drops a database that is not yet or no longer that of a tenant, if it exists.
pub(crate) async fn drop_unused(server: &dyn Connection, name: &str) -> Result<()> {
    cluster::drop_database(server, name).await.map_err(in_use)
}

/// Drops the copies on the cluster of `location` that were left over because another call was faster, and returns their
/// names.
pub async fn drop_leftovers(
    context: &Context,
    location: &TrustedLocation,
    finished: Vec<String>,
) -> Result<Vec<String>> {
    let names = list_leftovers(context, location, finished).await?;
    let cluster = connect(context, location, None).await?;
    for name in &names {
        drop_unused(&*cluster, name).await?;
    }
    Ok(names)
}

/// Returns the names of the copies that [`drop_leftovers`] drops. `finished` are the roles of this catalog's tenants
/// after provisioning. Another catalog may use the same cluster.
pub async fn list_leftovers(
    context: &Context,
    location: &TrustedLocation,
    finished: Vec<String>,
) -> Result<Vec<String>> {
    let cluster = connect(context, location, None).await?;
    let names: Vec<_> = finished.iter().flat_map(|role| [role.clone(), of_copy(role)]).collect();
    let statement = "
        SELECT d.datname::text AS name FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
        WHERE NOT d.datallowconn AND r.rolname = current_user AND d.datname = ANY ($1)";
    let rows = cluster.query(statement, &[names.into()]).await?;
    let names = rows.iter().map(|row| row.get("name"));
    Ok(names.collect::<std::result::Result<_, SqlError>>()?)
}
