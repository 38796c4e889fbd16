//! The fence around a database: the tenant's roles cannot connect to it, and none of their connections is left.

use std::time::Duration;

use platform::sql::{Connection, identifier, literal};

use crate::{
    context::Context,
    database_role,
    error::{Error, Result},
    tenant::{TenantRecord, cluster},
};

/// The pause between two rounds that close connections. A connection that began before the fence is visible after it.
const PAUSE: Duration = Duration::from_millis(100);
/// The maximum number of rounds.
const ROUNDS: u32 = 50;

/// Closes the database of a tenant to the tenant's roles. When this returns, no connection of them is open.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable or a connection does not end.
pub(super) async fn close(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let server = connect(context, tenant).await?;
    server.execute(&for_each_role(tenant, "REVOKE CONNECT ON DATABASE", "FROM"), &[]).await?;
    let mut quiet = 0;
    for _ in 0..ROUNDS {
        quiet = if end_connections(&*server, tenant).await? == 0 { quiet + 1 } else { 0 };
        // Of a connection that begins during the first statement, the server learns the role only later.
        if quiet == 2 {
            return Ok(());
        }
        context.platform.executor.sleep(PAUSE).await;
    }
    Err(Error::unavailable("connections of the tenant's roles did not end"))
}

/// Opens the database of a tenant to the tenant's roles.
///
/// # Errors
/// [`Error::Unavailable`] if the cluster is unavailable.
pub(super) async fn open(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let server = connect(context, tenant).await?;
    server.execute(&for_each_role(tenant, "GRANT CONNECT ON DATABASE", "TO"), &[]).await?;
    Ok(())
}

async fn connect(context: &Context, tenant: &TenantRecord) -> Result<Box<dyn Connection>> {
    let location = tenant.trusted_location(context)?;
    cluster::connect(context, &location, None).await
}

fn roles(tenant: &TenantRecord) -> Vec<String> {
    let mut roles = vec![tenant.database_role.clone()];
    roles.extend(database_role::group_names(tenant));
    roles
}

/// Returns a statement that changes the privileges of each of the tenant's roles that exist, and lets the account close
/// their connections.
fn for_each_role(tenant: &TenantRecord, before: &str, after: &str) -> String {
    let database = identifier(&tenant.database.name);
    let changes: Vec<String> = roles(tenant)
        .iter()
        .map(|role| {
            format!(
                "IF EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN
                     GRANT {role} TO CURRENT_USER;
                     {before} {database} {after} {role};
                 END IF;",
                text = literal(role),
                role = identifier(role),
            )
        })
        .collect();
    format!(
        "DO $fence$ BEGIN
             PERFORM pg_advisory_xact_lock(hashtextextended({}, 0));
             {changes}
         END $fence$",
        literal(&tenant.database_role),
        changes = changes.join("\n"),
    )
}

/// Closes the connections of all roles that the account is a member of, and returns their number.
async fn end_connections(server: &dyn Connection, tenant: &TenantRecord) -> Result<i64> {
    // In a condition, PostgreSQL could call the function for other connections.
    let statement = "
        WITH own AS MATERIALIZED (
            SELECT pid FROM pg_stat_activity
            WHERE datname = $1 AND usename <> current_user AND pg_has_role(current_user, usesysid, 'MEMBER')
              AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = usesysid)
        ), closed AS MATERIALIZED (SELECT pg_terminate_backend(pid, 2000) FROM own)
        SELECT count(*) AS n FROM closed";
    let row = server.query_first(statement, &[tenant.database.name.as_str().into()]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("n"))?)
}
