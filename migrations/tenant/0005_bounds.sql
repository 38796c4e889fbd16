-- The bytes of a file count until its chunks are removed: quota that is refunded earlier lets a tenant keep many times
-- its limit on disk.
ALTER TABLE files ADD COLUMN held bigint NOT NULL DEFAULT 0 CHECK (held >= 0);

-- A trigger, so that an instance of the version before refunds, too, when it removes a file.
CREATE FUNCTION refund_file() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    UPDATE storage_usage SET used = used - OLD.held;
    RETURN NULL;
END
$function$;

CREATE TRIGGER files_refund AFTER DELETE ON files
    FOR EACH ROW WHEN (OLD.held > 0) EXECUTE FUNCTION refund_file();

-- As before, but the replaced file counts until its chunks are removed.
CREATE OR REPLACE FUNCTION complete_file(
    upload uuid, new_size bigint, new_chunk_count bigint, wanted uuid, must_be_new boolean, must_exist boolean,
    entry_id uuid, tenant uuid, entry jsonb,
    OUT now_used bigint, OUT replaced uuid, OUT replaced_chunks bigint, OUT replaced_size bigint
) LANGUAGE plpgsql AS $function$
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
$function$;

-- As before, but the deleted file counts until its chunks are removed.
CREATE OR REPLACE FUNCTION delete_file(
    place text, wanted uuid, entry_id uuid, tenant uuid, entry jsonb,
    OUT now_used bigint, OUT deleted uuid, OUT deleted_chunks bigint
) LANGUAGE plpgsql AS $function$
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
$function$;
