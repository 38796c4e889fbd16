CREATE OR REPLACE FUNCTION tenancy.complete_file(upload uuid, new_size bigint, new_chunk_count bigint, wanted uuid, must_be_new boolean, must_exist boolean, entry_id uuid, tenant uuid, entry jsonb, OUT now_used bigint, OUT replaced uuid, OUT replaced_chunks bigint, OUT replaced_size bigint)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
DECLARE
    place text;
    had_reserved bigint;
    before files;
BEGIN
    SELECT path INTO place FROM files WHERE id = upload AND status = 'uploading';
    IF place IS NULL THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(place, 1));
    SELECT reserved INTO had_reserved FROM files
    WHERE id = upload AND status = 'uploading' FOR UPDATE;
    IF had_reserved IS NULL THEN RETURN; END IF;
    SELECT * INTO before FROM files WHERE path = place AND status = 'complete' FOR UPDATE;
    IF (must_be_new AND before.id IS NOT NULL) OR (must_exist AND before.id IS NULL)
        OR (wanted IS NOT NULL AND wanted IS DISTINCT FROM before.id)
    THEN
        now_used := -1;
        RETURN;
    END IF;
    UPDATE files SET status = 'deleting', held = size, updated_at = now() WHERE id = before.id;
    UPDATE files SET status = 'complete', size = new_size, chunk_count = new_chunk_count,
                     reserved = 0, updated_at = now()
    WHERE id = upload;
    UPDATE storage_usage SET used = used - had_reserved + new_size
    RETURNING used INTO now_used;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', CASE WHEN before.id IS NULL THEN NULL
                  ELSE jsonb_build_object('file', before.id, 'size', before.size) END,
        'after', jsonb_build_object('file', upload, 'size', new_size))));
    replaced := before.id;
    replaced_chunks := before.chunk_count;
    replaced_size := before.size;
END
$function$
