CREATE OR REPLACE FUNCTION tenancy.delete_file(place text, wanted uuid, entry_id uuid, tenant uuid, entry jsonb, OUT now_used bigint, OUT deleted uuid, OUT deleted_chunks bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
DECLARE
    before files;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(place, 1));
    SELECT * INTO before FROM files WHERE path = place AND status = 'complete' FOR UPDATE;
    IF before.id IS NULL THEN RETURN; END IF;
    IF wanted IS NOT NULL AND wanted <> before.id THEN
        now_used := -1;
        RETURN;
    END IF;
    UPDATE files SET status = 'deleting', held = size, updated_at = now() WHERE id = before.id;
    SELECT used INTO now_used FROM storage_usage;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', jsonb_build_object('file', before.id, 'size', before.size))));
    deleted := before.id;
    deleted_chunks := before.chunk_count;
END
$function$
