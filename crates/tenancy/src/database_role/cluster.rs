//! The statements that create and remove roles on the cluster of a tenant.
//!
//! They run in the tenant's database with the account of the service. Each of them finds the results of an interrupted
//! attempt.

use platform::sql::{Connection, SqlError, identifier, literal};

use super::{Access, DatabaseRole};
use crate::{
    context::Context,
    credential::scram,
    database_location::DatabaseLocation,
    error::{Error, Result},
    migrate,
    secret::Secret,
    tenant::{TenantRecord, cluster},
};

/// The milliseconds for which PostgreSQL waits for the end of a connection that it closes.
const CLOSE_MILLISECONDS: u32 = 5_000;

/// Returns the name of the group of a tenant's roles with an access. It cannot sign in.
fn group(tenant: &TenantRecord, access: Access) -> String {
    format!("{}_{}", tenant.database_role, access.as_str())
}

/// Returns the names of the groups of a tenant's roles. A cluster has them after the first database credential.
pub(crate) fn group_names(tenant: &TenantRecord) -> [String; 3] {
    Access::ALL.map(|access| group(tenant, access))
}

/// Creates a role, and before the first one the groups of the tenant's roles.
pub(crate) async fn create(
    context: &Context,
    tenant: &TenantRecord,
    role: &DatabaseRole,
    password: &Secret,
) -> Result<()> {
    // Only a verifier is sent, so the statement log never contains the password.
    let verifier = scram::verifier(password.expose(), &context.platform.random.bytes())?;
    let seconds = role.access.statement_seconds();
    let name = identifier(&role.name);
    let in_group = group(tenant, role.access);
    let as_owner = match role.access {
        // The objects that it creates belong to the group and outlive it.
        Access::Owner => format!("ALTER ROLE {name} SET role = {};", literal(&in_group)),
        Access::Read | Access::Write => String::new(),
    };
    let statement = format!(
        "DO $credential$
         DECLARE
             grant_name text;
         BEGIN
             -- One call at a time: of two that change the privileges of a database at once, one would fail.
             PERFORM pg_advisory_xact_lock(hashtextextended('privileges', 0));
             {groups}
             {proxy}
             CREATE ROLE {name} LOGIN PASSWORD {verifier} VALID UNTIL {end} CONNECTION LIMIT {connections}
                 IN ROLE {in_group};
             GRANT {name} TO CURRENT_USER;
             ALTER ROLE {name} SET search_path = app;
             ALTER ROLE {name} SET statement_timeout = '{seconds}s';
             ALTER ROLE {name} SET lock_timeout = '10s';
             ALTER ROLE {name} SET idle_in_transaction_session_timeout = '60s';
             IF has_parameter_privilege(current_user, 'temp_file_limit', 'SET') THEN
                 ALTER ROLE {name} SET temp_file_limit = '{temp_file_mebibytes}MB';
             END IF;
             {as_owner}
         END $credential$",
        groups = groups(context, tenant),
        proxy = proxy(context),
        verifier = literal(&verifier),
        end = literal(&role.expires_at.to_rfc3339()),
        connections = role.connections,
        in_group = identifier(&in_group),
        temp_file_mebibytes = context.settings.role_limits().temp_file_mebibytes,
    );
    connect(context, tenant).await?.execute(&statement, &[]).await?;
    Ok(())
}

/// Returns the statement that lets the role of a connection pool connect to the database.
fn proxy(context: &Context) -> String {
    let Some(role) = &context.settings.tenant_database_proxy_role else { return String::new() };
    format!(
        "IF NOT has_database_privilege({text}, current_database(), 'CONNECT') THEN
             EXECUTE format('GRANT CONNECT ON DATABASE %I TO {role}', current_database());
         END IF;",
        text = literal(role),
        role = identifier(role),
    )
}

/// Returns the statement that creates the groups and the schema `app`, in the database of a tenant on another cluster.
pub(crate) fn group_statement(context: &Context, tenant: &TenantRecord) -> String {
    format!("DO $groups$ DECLARE grant_name text; BEGIN {} END $groups$", groups(context, tenant))
}

/// Returns the statements that create the groups, with their privileges on the schema `app` and on future objects in it.
fn groups(context: &Context, tenant: &TenantRecord) -> String {
    let [read, write, owner] = Access::ALL.map(|access| group(tenant, access));
    let each = [&read, &write, &owner]
        .into_iter()
        .map(|name| {
            format!(
                "IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN
                     CREATE ROLE {name} NOLOGIN;
                     GRANT {name} TO CURRENT_USER;
                 END IF;
                 EXECUTE format('GRANT CONNECT ON DATABASE %I TO {name}', current_database());",
                text = literal(name),
                name = identifier(name),
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "IF (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'app') IS DISTINCT FROM {owner_text} THEN
             {each}
             CREATE SCHEMA IF NOT EXISTS app;
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = {template_text}) THEN
                 REASSIGN OWNED BY {template} TO {owner};
             END IF;
             ALTER SCHEMA app OWNER TO {owner};
             GRANT USAGE ON SCHEMA app TO {read}, {write};
             GRANT SELECT ON ALL TABLES IN SCHEMA app TO {read};
             GRANT SELECT ON ALL SEQUENCES IN SCHEMA app TO {read};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA app TO {write};
             GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA app TO {write};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA app GRANT SELECT ON TABLES TO {read};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA app GRANT SELECT ON SEQUENCES TO {read};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA app
                 GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {write};
             ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA app GRANT USAGE, SELECT ON SEQUENCES TO {write};
         END IF;",
        owner_text = literal(&owner),
        owner = identifier(&owner),
        read = identifier(&read),
        write = identifier(&write),
        template_text = literal(&migrate::template_owner(context)),
        template = identifier(&migrate::template_owner(context)),
    )
}

/// Closes the connections of roles and removes the roles. Names without a role are skipped.
pub(crate) async fn remove(
    context: &Context,
    tenant: &TenantRecord,
    names: &[String],
) -> Result<()> {
    let database = connect(context, tenant).await?;
    let each = |statements: fn(&str) -> String| -> String {
        let one = |name: &String| {
            format!(
                "IF EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN {} END IF;",
                literal(name),
                statements(&identifier(name))
            )
        };
        names.iter().map(one).collect()
    };
    // No connection can begin after this statement. Only members of a role can terminate its connections.
    let lock_out = each(|name| format!("ALTER ROLE {name} NOLOGIN; GRANT {name} TO CURRENT_USER;"));
    let lock_out = format!(
        "DO $end$ BEGIN
             -- The background work of an instance may remove the same roles at the same time.
             PERFORM pg_advisory_xact_lock(hashtextextended('privileges', 0));
             {lock_out}
         END $end$"
    );
    database.execute(&lock_out, &[]).await?;
    close(&*database, names).await?;
    let owner = identifier(&group(tenant, Access::Owner));
    let drop = names
        .iter()
        .map(|name| {
            let (text, name) = (literal(name), identifier(name));
            format!(
                "IF EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN
                     IF EXISTS (SELECT FROM pg_largeobject_metadata m WHERE m.lomowner = {text}::regrole) THEN
                         PERFORM lo_unlink(m.oid) FROM pg_largeobject_metadata m WHERE m.lomowner = {text}::regrole;
                     END IF;
                     REASSIGN OWNED BY {name} TO {owner};
                     DROP OWNED BY {name};
                     DROP ROLE {name};
                 END IF;"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    // A member can change settings of its group, which must not outlive it.
    let reset = Access::ALL
        .into_iter()
        .map(|access| {
            let name = identifier(&group(tenant, access));
            format!(
                "ALTER ROLE {name} RESET ALL;
                 EXECUTE format('ALTER ROLE {name} IN DATABASE %I RESET ALL', current_database());"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let statement = format!(
        "DO $end$ BEGIN
             PERFORM pg_advisory_xact_lock(hashtextextended('privileges', 0));
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = {owner_text}) THEN
                 {drop}
                 {reset}
             END IF;
         END $end$",
        owner_text = literal(&group(tenant, Access::Owner)),
    );
    // Of a connection that began during the first statement, the server may have learned the role after it.
    close(&*database, names).await?;
    database.execute(&statement, &[]).await?;
    Ok(())
}

/// Closes the connections of roles.
///
/// # Errors
/// [`Error::Unavailable`] if a connection did not end in time.
async fn close(database: &dyn Connection, names: &[String]) -> Result<()> {
    let statement = format!(
        // In a condition, PostgreSQL could call the function for the connections of other roles.
        "WITH own AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE usename = ANY($1)),
              closed AS MATERIALIZED (SELECT pg_terminate_backend(pid, {CLOSE_MILLISECONDS}) AS is_closed FROM own)
         SELECT count(*) FILTER (WHERE NOT is_closed) AS open FROM closed"
    );
    let row = database.query_first(&statement, &[names.to_vec().into()]).await?;
    if row.map_or(Ok(0_i64), |row| row.get("open"))? > 0 {
        return Err(Error::unavailable(
            "a connection of a database credential did not end in time",
        ));
    }
    Ok(())
}

/// Returns whether a role has an open connection.
pub(super) async fn is_connected(
    context: &Context,
    tenant: &TenantRecord,
    name: &str,
) -> Result<bool> {
    let database = connect(context, tenant).await?;
    let statement = "SELECT FROM pg_stat_activity WHERE usename = $1 LIMIT 1";
    Ok(database.query_first(statement, &[name.into()]).await?.is_some())
}

/// Removes all roles and groups of a tenant whose database was dropped. `server` may be connected to any database of the
/// cluster.
pub(crate) async fn drop_all(server: &dyn Connection, tenant: &TenantRecord) -> Result<()> {
    let groups: Vec<_> = Access::ALL.into_iter().map(|access| group(tenant, access)).collect();
    let statement = "
        SELECT DISTINCT m.rolname::text AS name FROM pg_auth_members a
        JOIN pg_roles g ON g.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
        WHERE g.rolname = ANY($1) AND m.rolname <> current_user AND m.rolname LIKE 'app\\_%'";
    let rows = server.query(statement, &[groups.clone().into()]).await?;
    let mut names: Vec<String> =
        rows.iter().map(|row| row.get("name")).collect::<Result<_, SqlError>>()?;
    names.extend(groups);
    for name in names {
        server.execute(&format!("DROP ROLE IF EXISTS {}", identifier(&name)), &[]).await?;
    }
    Ok(())
}

async fn connect(context: &Context, tenant: &TenantRecord) -> Result<Box<dyn Connection>> {
    let location = tenant.trusted_location(context)?;
    let DatabaseLocation { name, .. } = &*location;
    cluster::connect(context, &location, Some(name)).await
}
