//! Checks of the isolation between tenants' databases, for `tenantctl doctor`.

use platform::sql::{Connection, SqlError};

use crate::{
    context::Context,
    database_location::TrustedLocation,
    error::Result,
    migrate,
    tenant::{TenantRecord, cluster},
};

/// Returns the clusters of these tenants' databases and the clusters of new tenants, without database names. A tenant
/// whose location was changed without resealing its password is omitted, and [`list_defects`] reports it.
///
/// # Errors
/// [`crate::Error::Unavailable`] if the catalog is unavailable.
pub async fn clusters(context: &Context, tenants: &[TenantRecord]) -> Result<Vec<TrustedLocation>> {
    let mut clusters = Vec::new();
    for cluster in cluster::list(context).await? {
        clusters.push(cluster.location(context)?);
    }
    for tenant in tenants {
        let is_known = |known: &TrustedLocation| {
            (&known.host, known.port) == (&tenant.database.host, tenant.database.port)
        };
        if !clusters.iter().any(is_known)
            && let Ok(location) = tenant.trusted_location(context)
        {
            clusters.push(location.cluster());
        }
    }
    Ok(clusters)
}

/// Returns the databases of a cluster that PUBLIC, and therefore every tenant's role, may connect to.
pub async fn list_open_databases(
    context: &Context,
    location: &TrustedLocation,
) -> Result<Vec<String>> {
    let cluster = cluster::connect(context, location, None).await?;
    let statement = "
        SELECT d.datname::text AS found FROM pg_database d
        WHERE d.datallowconn AND EXISTS (
            SELECT FROM aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) given
            WHERE given.grantee = 0 AND given.privilege_type = 'CONNECT')
        ORDER BY 1";
    list(&*cluster, statement, &[]).await
}

/// Returns the defects in the isolation of one tenant: an outdated schema, privileges of other roles in its database,
/// missing privileges of its role, and privileges of its role outside of its database.
pub async fn list_defects(context: &Context, tenant: &TenantRecord) -> Result<Vec<String>> {
    let location = tenant.trusted_location(context)?;
    let database = cluster::connect(context, &location, Some(&location.name)).await?;
    let (has, wants) = (migrate::version(&*database).await?, migrate::newest(migrate::TENANT));
    let mut defects = Vec::new();
    if has < wants {
        defects.push(format!("its schema version is {has}, but {wants} is required"));
    }
    let role = tenant.database_role.as_str();
    let proxy = context.settings.tenant_database_proxy_role.as_deref();
    let foreign = [role.into(), proxy.unwrap_or_default().into()];
    defects.extend(list(&*database, FOREIGN_GRANTS, &foreign).await?);
    for statement in [MISSING_GRANTS, ROLE] {
        defects.extend(list(&*database, statement, &[role.into()]).await?);
    }
    Ok(defects)
}

/// Privileges of roles other than the object's owner, the current account and the tenant's role. The second parameter is
/// the role of a connection pool.
const FOREIGN_GRANTS: &str = "
    WITH schemas AS (
        SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
        -- The schema app belongs to the tenant's application, and pgbouncer to a superuser (deploy/pgbouncer).
        WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'app', 'pgbouncer')
    ), granted AS (
        SELECT 'table ' || c.oid::regclass AS object, c.relowner AS owner, given.grantee
        FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace, aclexplode(c.relacl) given
        UNION ALL
        SELECT 'column ' || c.oid::regclass || '.' || a.attname, c.relowner, given.grantee
        FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) given
        UNION ALL
        SELECT 'function ' || p.oid::regprocedure, p.proowner, given.grantee
        FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace,
            aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) given
        WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
        UNION ALL
        SELECT 'schema ' || s.nspname, s.nspowner, given.grantee
        FROM schemas s, aclexplode(COALESCE(s.nspacl, acldefault('n', s.nspowner))) given
        UNION ALL
        SELECT 'future objects of ' || d.defaclrole::regrole, d.defaclrole, given.grantee
        FROM pg_default_acl d, aclexplode(d.defaclacl) given
        WHERE d.defaclnamespace IS DISTINCT FROM to_regnamespace('app')
        UNION ALL
        SELECT 'database', d.datdba, given.grantee
        FROM pg_database d, aclexplode(COALESCE(d.datacl, acldefault('d', d.datdba))) given
        WHERE d.datname = current_database()
    )
    SELECT COALESCE(r.rolname::text, 'PUBLIC') || ' has privileges on the ' || g.object AS found
    FROM granted g LEFT JOIN pg_roles r ON r.oid = g.grantee
    WHERE g.grantee <> g.owner AND r.rolname IS DISTINCT FROM current_user
      AND r.rolname::text IS DISTINCT FROM $1
      -- The groups of database credentials may connect, and have no other privilege.
      AND NOT (g.object = 'database' AND r.rolname = ANY (ARRAY[$1 || '_read', $1 || '_write', $1 || '_owner', $2]))
    GROUP BY 1 ORDER BY 1";

/// Tables that the tenant's role cannot read.
const MISSING_GRANTS: &str = "
    SELECT 'its role cannot read the table ' || c.oid::regclass AS found
    FROM pg_class c JOIN pg_roles r ON r.rolname = $1
    WHERE c.relnamespace = to_regnamespace('tenancy') AND c.relkind IN ('r', 'p', 'v')
      AND NOT has_table_privilege(r.oid, c.oid, 'SELECT')
    ORDER BY 1";

/// Privileges of the tenant's role outside of its database.
const ROLE: &str = "
    SELECT 'its role may do more than connect: it is superuser, creates roles or databases, replicates, \
            or bypasses row security' AS found
    FROM pg_roles WHERE rolname = $1
        AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)
    UNION ALL
    SELECT 'its role is a member of ' || g.rolname
    FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
    WHERE r.rolname = $1
    ORDER BY 1";

async fn list(
    connection: &dyn Connection,
    statement: &str,
    parameters: &[platform::sql::Value],
) -> Result<Vec<String>> {
    let rows = connection.query(statement, parameters).await?;
    let found = rows.iter().map(|row| row.get("found"));
    Ok(found.collect::<std::result::Result<_, SqlError>>()?)
}
