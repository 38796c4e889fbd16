//! The privileges of a tenant's role in the tenant's database. PUBLIC has none.

use platform::sql::{Connection, identifier};

use crate::error::Result;

/// The first schema version with every table named below.
pub(super) const SINCE: i32 = 3;

/// The setting of a tenant's database that lets sessions of the service find its tables. A copy of the template does not
/// have the settings of the template.
pub(crate) const SEARCH_PATH: &str = "SET search_path = tenancy, public";

/// Grants a tenant's role access to the rows of the tables only. It is idempotent and adds missing privileges.
pub(super) async fn grant(database: &dyn Connection, role: &str) -> Result<()> {
    let statement = format!(
        "DO $privileges$
         DECLARE
             -- Before the migration 0009_schemas, all tables are in the schema public.
             place text := CASE WHEN to_regnamespace('tenancy') IS NULL THEN 'public' ELSE 'tenancy' END;
             -- The names for the previous release.
             is_moved boolean := place = 'tenancy' AND to_regclass('public.users') IS NOT NULL;
         BEGIN
             -- One call at a time: of two that change the same privileges at once, one would fail.
             PERFORM pg_advisory_xact_lock(hashtextextended('privileges', 0));
             LOOP
                 EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', place);
                 EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {role}', place);
                 EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {role}', place);
                 EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO {role}', place);
                 EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON %I.schema_migrations FROM {role}', place);
                 EXECUTE format('REVOKE UPDATE ON %I.audit_outbox FROM {role}', place);
                 EXECUTE format('REVOKE INSERT, DELETE ON %I.storage_usage FROM {role}', place);
                 EXIT WHEN place = 'public' OR NOT is_moved;
                 place := 'public';
             END LOOP;
             IF to_regnamespace('tenancy') IS NOT NULL THEN
                 EXECUTE format('ALTER DATABASE %I {SEARCH_PATH}', current_database());
             END IF;
         END $privileges$",
        role = identifier(role),
    );
    database.execute(&statement, &[]).await?;
    Ok(())
}
