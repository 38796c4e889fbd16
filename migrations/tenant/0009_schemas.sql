-- The tables of the service move to the schema tenancy, and the schema app belongs to the tenant's application.
--
-- Sessions of the previous release, and sessions that are open during the migration, use the names in the schema
-- public. Views and functions with these names remain there until the next release. New sessions find the schema
-- tenancy first.
CREATE SCHEMA tenancy;
CREATE SCHEMA app;

DECLARE
    moved text;
    given record;
    callable regprocedure;
BEGIN
    FOREACH moved IN ARRAY ARRAY['schema_migrations', 'users', 'sessions', 'used_refresh_tokens', 'files',
                                 'storage_usage', 'audit_outbox']
    LOOP
        EXECUTE format('ALTER TABLE public.%I SET SCHEMA tenancy', moved);
        EXECUTE format('CREATE VIEW public.%1$I AS SELECT * FROM tenancy.%1$I', moved);
        -- In the same transaction, because requests continue.
        FOR given IN
            SELECT a.privilege_type, r.rolname FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
            WHERE c.oid = format('tenancy.%I', moved)::regclass AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('GRANT %s ON public.%I TO %I', given.privilege_type, moved, given.rolname);
        END LOOP;
    END LOOP;

    FOR given IN
        SELECT r.rolname FROM pg_namespace n, aclexplode(n.nspacl) a JOIN pg_roles r ON r.oid = a.grantee
        WHERE n.nspname = 'public' AND a.privilege_type = 'USAGE' AND a.grantee <> n.nspowner
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA tenancy TO %I', given.rolname);
    END LOOP;

    FOREACH moved IN ARRAY ARRAY['touch_user', 'refund_file', 'stamp_waiting_event'] LOOP
        EXECUTE format('ALTER FUNCTION public.%I() SET SCHEMA tenancy', moved);
        EXECUTE format('ALTER FUNCTION tenancy.%I() SET search_path = tenancy, pg_temp', moved);
    END LOOP;

    FOR callable IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN ('complete_file', 'delete_file', 'count_users_for_one_more', 'end_oldest_sessions')
    LOOP
        EXECUTE replace(pg_get_functiondef(callable), 'FUNCTION public.', 'FUNCTION tenancy.');
        moved := (SELECT format('tenancy.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
                  FROM pg_proc p WHERE p.oid = callable);
        EXECUTE format('ALTER FUNCTION %s SET search_path = tenancy, pg_temp', moved);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', moved);
        FOR given IN
            SELECT r.rolname FROM pg_proc p, aclexplode(p.proacl) a JOIN pg_roles r ON r.oid = a.grantee
            WHERE p.oid = callable AND a.grantee <> p.proowner
        LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', moved, given.rolname);
        END LOOP;
    END LOOP;

    EXECUTE format('ALTER DATABASE %I SET search_path = tenancy, public', current_database());
END;
