-- Lets PgBouncer check the passwords of applications. A superuser runs it in the database that the template database is
-- copied from, and in tenants' databases that exist already:
--
--   createuser --pwprompt pgbouncer
--   psql -d tenancy_base -f deploy/pgbouncer/auth.sql
--
-- The function returns the verifier of an application's role only (docs/application-database.md). So PgBouncer can
-- connect neither the service nor an administrator, even if its own password leaks.

CREATE SCHEMA IF NOT EXISTS pgbouncer;
REVOKE ALL ON SCHEMA pgbouncer FROM PUBLIC;
GRANT USAGE ON SCHEMA pgbouncer TO pgbouncer;

CREATE OR REPLACE FUNCTION pgbouncer.verifier_of(role text, OUT username text, OUT verifier text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    SELECT a.rolname, a.rolpassword FROM pg_authid a
    WHERE a.rolname = role AND a.rolname ~ '^app_[0-9a-f]{32}$' AND a.rolcanlogin AND NOT a.rolsuper
      AND (a.rolvaliduntil IS NULL OR a.rolvaliduntil > now())
$function$;

REVOKE ALL ON FUNCTION pgbouncer.verifier_of(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pgbouncer.verifier_of(text) TO pgbouncer;
