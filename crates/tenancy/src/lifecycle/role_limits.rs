//! The limits of a tenant's PostgreSQL role, which prevent one tenant from exhausting the cluster.
//!
//! The server enforces them, so they also apply if a password leaks. A role can raise its timeouts with `SET`, but not
//! its connection limit or `temp_file_limit`. Setting the latter requires a privilege that only a superuser can grant:
//! `GRANT SET ON PARAMETER temp_file_limit TO <account>`. Without this privilege the limit is omitted, and
//! `tenantctl doctor` reports it.

use platform::sql::{Connection, SqlError, identifier, literal};

use crate::{context::Context, error::Result, settings::RoleLimits, tenant::TenantRecord};

impl RoleLimits {
    /// Returns the statements that set the limits, for the body of a `DO` block. They are idempotent.
    pub(super) fn statements(self, role: &str) -> String {
        let Self { connections, statement_seconds, lock_seconds, idle_seconds, .. } = self;
        let role = identifier(role);
        format!(
            "ALTER ROLE {role} CONNECTION LIMIT {connections};
             ALTER ROLE {role} SET statement_timeout = '{statement_seconds}s';
             ALTER ROLE {role} SET lock_timeout = '{lock_seconds}s';
             ALTER ROLE {role} SET idle_in_transaction_session_timeout = '{statement_seconds}s';
             ALTER ROLE {role} SET idle_session_timeout = '{idle_seconds}s';
             IF {MAY_LIMIT_FILES} THEN
                 ALTER ROLE {role} SET temp_file_limit = '{}MB';
             END IF;",
            self.temp_file_mebibytes,
        )
    }
}

/// Whether the account may set `temp_file_limit`. The function exists in PostgreSQL 15 and newer.
const MAY_LIMIT_FILES: &str = "has_parameter_privilege(current_user, 'temp_file_limit', 'SET')";

/// Sets the limits of a tenant's role. Existing connections of the role keep the earlier timeouts.
///
/// # Errors
/// [`crate::Error::Unavailable`] if the cluster is unavailable.
pub async fn apply(
    context: &Context,
    cluster: &dyn Connection,
    record: &TenantRecord,
) -> Result<()> {
    let statement = format!(
        "DO $limits$ BEGIN
             IF EXISTS (SELECT FROM pg_roles WHERE rolname = {}) THEN
                 {}
             END IF;
         END $limits$",
        literal(&record.database_role),
        context.settings.role_limits().statements(&record.database_role),
    );
    cluster.execute(&statement, &[]).await?;
    Ok(())
}

/// The cluster's connection limit and the roles with outdated limits.
#[derive(Debug)]
pub struct Survey {
    /// `max_connections` without the reserved connections.
    pub connections: i64,
    /// Whether the account may set `temp_file_limit`.
    pub may_limit_files: bool,
    /// The roles whose limits differ from the settings.
    pub outdated: Vec<String>,
}

/// Surveys the cluster for `doctor`. `roles` are the roles of the tenants.
///
/// # Errors
/// [`crate::Error::Unavailable`] if the cluster is unavailable.
pub async fn survey(
    context: &Context,
    cluster: &dyn Connection,
    roles: Vec<String>,
) -> Result<Survey> {
    let limits = context.settings.role_limits();
    let statement = format!(
        "SELECT current_setting('max_connections')::bigint
                    - current_setting('superuser_reserved_connections')::bigint
                    - COALESCE(current_setting('reserved_connections', true)::bigint, 0) AS connections,
                {MAY_LIMIT_FILES} AS may_limit_files"
    );
    let row = cluster.query_first(&statement, &[]).await?;
    let row = row.ok_or_else(|| crate::Error::internal("the server returned no settings"))?;
    let may_limit_files: bool = row.get("may_limit_files")?;
    let mut wanted = vec![
        format!("statement_timeout={}s", limits.statement_seconds),
        format!("lock_timeout={}s", limits.lock_seconds),
        format!("idle_in_transaction_session_timeout={}s", limits.statement_seconds),
        format!("idle_session_timeout={}s", limits.idle_seconds),
    ];
    if may_limit_files {
        wanted.push(format!("temp_file_limit={}MB", limits.temp_file_mebibytes));
    }
    let statement = "
        SELECT r.rolname::text AS name FROM pg_roles r
        WHERE r.rolname = ANY ($1)
          AND (r.rolconnlimit <> $2::bigint OR NOT COALESCE(r.rolconfig, '{}') @> $3)
        ORDER BY 1";
    let parameters = [roles.into(), i64::from(limits.connections).into(), wanted.into()];
    let rows = cluster.query(statement, &parameters).await?;
    let outdated = rows.iter().map(|row| row.get("name")).collect::<Result<_, SqlError>>()?;
    Ok(Survey { connections: row.get("connections")?, may_limit_files, outdated })
}
