//! The new database of a move: its roles, an empty database under a temporary name, and its final name.

use platform::sql::{Connection, identifier, literal};

use super::Moving;
use crate::{
    context::Context,
    credential::scram,
    database_role,
    error::{Error, Result},
    lifecycle::databases,
    migrate,
    secret::Secret,
    tenant::{TenantRecord, cluster, database},
};

/// Returns the name of the new database until the copy is complete. No other program uses such a name.
pub fn copy_name(tenant: &TenantRecord) -> String {
    format!("move_{}", tenant.id.simple())
}

/// Creates the roles and an empty database on the target. What an earlier attempt left there is dropped.
///
/// # Errors
/// [`Error::Internal`] if the target has a database with the final name, [`Error::Unavailable`].
pub(super) async fn prepare(context: &Context, moving: &Moving) -> Result<()> {
    let source = moving.source.trusted_location(context)?;
    let source = cluster::connect(context, &source, Some(&source.name)).await?;
    if migrate::version(&*source).await? != migrate::newest(migrate::TENANT) {
        return Err(Error::internal(
            "the database has another schema than this version of the service: run tenantctl migrate first",
        ));
    }
    let target = &moving.target;
    let location = target.trusted_location(context)?;
    let server = cluster::connect(context, &location, None).await?;
    if migrate::exists(&*server, &target.database.name).await? {
        return Err(Error::internal(format!(
            "the target has a database {} already: rename or drop it first",
            target.database.name
        )));
    }
    drop_copy(&*server, target).await?;
    // Of an earlier attempt.
    database_role::drop_all(&*server, target).await?;
    let password = database::open_password(context, target)?;
    databases::put_role(context, &*server, target, &password).await?;
    let base = migrate::base_name(context);
    let base = if migrate::exists(&*server, &base).await? { base } else { "template0".to_owned() };
    let copy = identifier(&copy_name(target));
    let create = format!(
        "CREATE DATABASE {copy} TEMPLATE {} ENCODING 'UTF8' ALLOW_CONNECTIONS false",
        identifier(&base)
    );
    server.execute(&create, &[]).await?;
    let open = format!(
        "DO $copy$ BEGIN
             REVOKE ALL ON DATABASE {copy} FROM PUBLIC;
             ALTER DATABASE {copy} {search_path};
             ALTER DATABASE {copy} ALLOW_CONNECTIONS true;
         END $copy$",
        search_path = migrate::SEARCH_PATH,
    );
    server.execute(&open, &[]).await?;
    let inside = cluster::connect(context, &location, Some(&copy_name(target))).await?;
    // As the migrations of a tenant's database do. A copy of schemas does not include these.
    let close = "DO $close$ BEGIN
        CREATE SCHEMA IF NOT EXISTS tenancy;
        ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC;
        REVOKE ALL ON SCHEMA public FROM PUBLIC;
    END $close$";
    inside.execute(close, &[]).await?;
    inside.execute(&database_role::group_statement(context, target), &[]).await?;
    put_restorer(context, &*inside, moving).await
}

/// Returns the name of the role that restores the schema `app`.
fn restorer(moving: &Moving) -> String {
    format!("app_{}", moving.attempt.simple())
}

/// Creates the role that restores the schema `app`. Restoring runs code of the application, for example in constraints and
/// in the expressions of indexes, so it must not run with the account of the service.
async fn put_restorer(context: &Context, inside: &dyn Connection, moving: &Moving) -> Result<()> {
    let verifier = scram::verifier(moving.password.expose(), &context.platform.random.bytes())?;
    let [_, _, owner] = database_role::group_names(&moving.target);
    let statement = format!(
        "DO $role$ BEGIN
             CREATE ROLE {name} LOGIN PASSWORD {verifier} CONNECTION LIMIT 4 IN ROLE {group};
             GRANT {name} TO CURRENT_USER;
             ALTER ROLE {name} SET role = {owner};
         END $role$",
        name = identifier(&restorer(moving)),
        verifier = literal(&verifier),
        group = identifier(&owner),
        owner = literal(&owner),
    );
    inside.execute(&statement, &[]).await?;
    Ok(())
}

/// Returns the URLs of the copy: for the account of the service, and for the role that restores the schema `app`.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub(super) async fn urls(context: &Context, moving: &Moving) -> Result<(Secret, Secret)> {
    let location = moving.target.trusted_location(context)?;
    let copy = copy_name(&moving.target);
    let of_account = cluster::url(context, &location, Some(&copy)).await?;
    Ok((of_account, location.url(&copy, &restorer(moving), moving.password.clone())))
}

/// Gives the complete copy its final name. Does nothing if an earlier attempt did it.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub(super) async fn publish(context: &Context, moving: &Moving) -> Result<()> {
    let target = &moving.target;
    let location = target.trusted_location(context)?;
    let copy = copy_name(target);
    let server = cluster::connect(context, &location, None).await?;
    if migrate::exists(&*server, &copy).await? {
        let inside = cluster::connect(context, &location, Some(&copy)).await?;
        migrate::migrate_tenant(&*inside, Some(&target.database_role)).await?;
    }
    rename(context, target).await?;
    // The role of an earlier attempt, too.
    let statement = "
        SELECT m.rolname::text AS name FROM pg_auth_members a
        JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
        WHERE g.rolname = ANY($1) AND m.rolname LIKE 'app\\_%'";
    let groups = database_role::group_names(target).to_vec();
    let rows = server.query(statement, &[groups.into()]).await?;
    let names = rows.iter().map(|row| row.get("name"));
    let names: Vec<String> = names.collect::<Result<_, platform::sql::SqlError>>()?;
    database_role::remove(context, target, &names).await
}

async fn rename(context: &Context, target: &TenantRecord) -> Result<()> {
    let location = target.trusted_location(context)?;
    let server = cluster::connect(context, &location, None).await?;
    let copy = copy_name(target);
    if !migrate::exists(&*server, &copy).await? {
        if migrate::exists(&*server, &target.database.name).await? {
            return Ok(());
        }
        return Err(Error::internal(format!("the copy {copy} is missing")));
    }
    // A database can be renamed only without sessions.
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = $1 AND usename = current_user";
    server.query(end, &[copy.as_str().into()]).await?;
    let rename = format!(
        "ALTER DATABASE {} RENAME TO {}",
        identifier(&copy),
        identifier(&target.database.name)
    );
    server.execute(&rename, &[]).await?;
    Ok(())
}

/// Drops a copy that may have its final name.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub(super) async fn unpublish(context: &Context, target: &TenantRecord) -> Result<()> {
    let location = target.trusted_location(context)?;
    let server = cluster::connect(context, &location, None).await?;
    let name = identifier(&target.database.name);
    server.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), &[]).await?;
    Ok(())
}

/// Drops the incomplete copy, and the roles if the cluster has no database of the tenant.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub(super) async fn abandon(context: &Context, target: &TenantRecord) -> Result<()> {
    let location = target.trusted_location(context)?;
    let server = cluster::connect(context, &location, None).await?;
    drop_copy(&*server, target).await?;
    if !migrate::exists(&*server, &target.database.name).await? {
        database_role::drop_all(&*server, target).await?;
        let role = identifier(&target.database_role);
        server.execute(&format!("DROP ROLE IF EXISTS {role}"), &[]).await?;
    }
    Ok(())
}

async fn drop_copy(server: &dyn Connection, target: &TenantRecord) -> Result<()> {
    let statement =
        format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(&copy_name(target)));
    server.execute(&statement, &[]).await?;
    Ok(())
}
