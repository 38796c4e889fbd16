CREATE OR REPLACE FUNCTION public.reserve_database_credential(new_row jsonb, most_credentials bigint, most_connections bigint, entry_id uuid, entry jsonb, OUT is_reserved boolean, OUT credentials bigint, OUT connections bigint)
 RETURNS record
 LANGUAGE plpgsql
AS $function$
DECLARE
    wanted database_credentials := jsonb_populate_record(NULL::database_credentials, new_row);
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('database credentials of ' || wanted.tenant_id, 0));
    SELECT count(*), COALESCE(sum(c.connections), 0) INTO credentials, connections
    FROM database_credentials c WHERE c.tenant_id = wanted.tenant_id AND NOT c.is_of_tenantctl;
    is_reserved := credentials < most_credentials AND connections + wanted.connections <= most_connections;
    IF NOT is_reserved THEN RETURN; END IF;
    INSERT INTO database_credentials
        (id, tenant_id, role, access, connections, user_id, user_version, api_key_id, expires_at)
    VALUES (wanted.id, wanted.tenant_id, wanted.role, wanted.access, wanted.connections, wanted.user_id,
            wanted.user_version, wanted.api_key_id, wanted.expires_at);
    INSERT INTO audit_outbox (id, tenant_id, entry) VALUES (entry_id, wanted.tenant_id, entry);
END
$function$
