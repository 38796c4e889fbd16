-- Forbids large objects in a database, which only a superuser can do. They have no schema, so the privileges on the
-- schema app do not bound them. Run it in the database that the template database is copied from (docs/deploy.md), and
-- in tenants' databases that exist already.
DO $large_objects$
DECLARE
    large_object regprocedure;
BEGIN
    FOR large_object IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND (p.proname LIKE 'lo\_%' OR p.proname IN ('loread', 'lowrite'))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', large_object);
    END LOOP;
END
$large_objects$;
