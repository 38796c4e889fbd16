//! The privileges of a tenant's role in the tenant's database. PUBLIC has none.

use platform::sql::{Connection, identifier};

use crate::error::Result;

/// The first schema version with every table named below.
pub(super) const SINCE: i32 = 3;

/// Grants a tenant's role access to the rows of the tables only. It is idempotent and adds missing privileges.
pub(super) async fn grant(database: &dyn Connection, role: &str) -> Result<()> {
    let statement = format!(
        "DO $privileges$ BEGIN
             -- One call at a time: of two that change the same privileges at once, one would fail.
             PERFORM pg_advisory_xact_lock(hashtextextended('privileges', 0));
             GRANT USAGE ON SCHEMA public TO {role};
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role};
             REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM {role};
             REVOKE UPDATE ON audit_outbox FROM {role};
             REVOKE INSERT, DELETE ON storage_usage FROM {role};
         END $privileges$",
        role = identifier(role),
    );
    database.execute(&statement, &[]).await?;
    Ok(())
}
