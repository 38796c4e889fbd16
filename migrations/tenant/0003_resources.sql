-- How many users there are, for who is about to make one: of two at once the second sees what the
-- first has made.
CREATE FUNCTION count_users_for_one_more() RETURNS bigint LANGUAGE plpgsql AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('one more user', 0));
    RETURN (SELECT count(*) FROM users);
END
$function$;

-- The bytes of all files, and what is reserved for those on their way.
CREATE TABLE storage_usage (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    used bigint NOT NULL DEFAULT 0 CHECK (used >= 0)
);

INSERT INTO storage_usage DEFAULT VALUES;

GRANT SELECT, UPDATE ON storage_usage TO PUBLIC;

ALTER TABLE files
    -- Of the tenant's data keys the one, from 1, that the file is sealed with.
    ADD COLUMN key_number integer NOT NULL DEFAULT 1 CHECK (key_number > 0),
    -- What an upload has reserved so far.
    ADD COLUMN reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0);

CREATE INDEX files_in_order ON files (path COLLATE "C") WHERE status = 'complete';

-- Puts a file whose bytes are all there in the place of the one before it. `wanted` is the id that the
-- one before must have, `must_be_new` that there must be none, `must_exist` that there must be one. Returns what is stored then, and the
-- file that was replaced; nothing where the upload is no more; -1 where there is another file than
-- there must be.
CREATE FUNCTION complete_file(
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
    UPDATE files SET status = 'deleting', updated_at = now() WHERE id = before.id;
    UPDATE files SET status = 'complete', size = new_size, chunk_count = new_chunk_count,
                     reserved = 0, updated_at = now()
    WHERE id = upload;
    UPDATE storage_usage SET used = used - had_reserved + new_size - COALESCE(before.size, 0)
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

-- Takes a file away. Returns it, with what is stored then; nothing where there is none, and -1 where
-- it is another than the one that is `wanted`.
CREATE FUNCTION delete_file(
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
    UPDATE files SET status = 'deleting', updated_at = now() WHERE id = before.id;
    UPDATE storage_usage SET used = used - before.size RETURNING used INTO now_used;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', jsonb_build_object('file', before.id, 'size', before.size))));
    deleted := before.id;
    deleted_chunks := before.chunk_count;
END
$function$;
