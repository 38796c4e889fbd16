-- When an instance began to remove the chunks of a file: no other one removes them at the same time.
ALTER TABLE orphaned_files ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT '-infinity';

-- Lists of one tenant's events, filtered by name, actor or resource, in the order in which they are shown.
CREATE INDEX tenant_audit_logs_listed ON tenant_audit_logs (tenant_id, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_listed_by_event ON tenant_audit_logs (tenant_id, event, created_at DESC, id DESC);
CREATE INDEX tenant_audit_logs_listed_by_actor ON tenant_audit_logs (tenant_id, actor_id, created_at DESC, id DESC)
    WHERE actor_id IS NOT NULL;
CREATE INDEX tenant_audit_logs_listed_by_resource ON tenant_audit_logs (tenant_id, resource_id, created_at DESC, id DESC)
    WHERE resource_id IS NOT NULL;

-- How far a chain has been verified. The seal is an HMAC by a key that is not in the database.
CREATE TABLE tenant_audit_checkpoints (
    -- The nil UUID is the platform's own chain.
    chain uuid PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    seal bytea NOT NULL CHECK (length(seal) = 32),
    verified_at timestamptz NOT NULL DEFAULT now()
);

-- The memory of Redis that the cache of a tenant may have.
ALTER TABLE plans ADD COLUMN max_cache_bytes bigint NOT NULL DEFAULT 67108864 CHECK (max_cache_bytes >= 0);
UPDATE plans SET max_cache_bytes = 16777216 WHERE name = 'free';

-- As before, with the limit of the cache, which has a default.
CREATE OR REPLACE FUNCTION put_plan(
    plan text, is_new boolean, new_limits jsonb, new_is_default boolean, entry_id uuid, entry jsonb
) RETURNS boolean LANGUAGE plpgsql AS $function$
DECLARE
    was plans;
    became plans;
BEGIN
    -- One at a time: there is one default.
    LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO was FROM plans WHERE name = plan;
    IF is_new = (was.name IS NOT NULL) THEN RETURN false; END IF;
    IF new_is_default AND was.is_default IS NOT TRUE THEN
        UPDATE plans SET is_default = false, updated_at = now() WHERE is_default;
    END IF;
    IF is_new THEN
        INSERT INTO plans (name, max_users, max_storage_bytes, max_api_calls_per_day,
                           max_ai_requests_per_day, max_requests_per_minute, max_cache_bytes,
                           is_default)
        VALUES (plan, (new_limits ->> 'max_users')::bigint,
                (new_limits ->> 'max_storage_bytes')::bigint,
                (new_limits ->> 'max_api_calls_per_day')::bigint,
                (new_limits ->> 'max_ai_requests_per_day')::bigint,
                (new_limits ->> 'max_requests_per_minute')::bigint,
                COALESCE((new_limits ->> 'max_cache_bytes')::bigint, 67108864),
                COALESCE(new_is_default, false))
        RETURNING * INTO became;
    ELSE
        UPDATE plans SET
            max_users = COALESCE((new_limits ->> 'max_users')::bigint, max_users),
            max_storage_bytes =
                COALESCE((new_limits ->> 'max_storage_bytes')::bigint, max_storage_bytes),
            max_api_calls_per_day =
                COALESCE((new_limits ->> 'max_api_calls_per_day')::bigint, max_api_calls_per_day),
            max_ai_requests_per_day = COALESCE(
                (new_limits ->> 'max_ai_requests_per_day')::bigint, max_ai_requests_per_day),
            max_requests_per_minute = COALESCE(
                (new_limits ->> 'max_requests_per_minute')::bigint, max_requests_per_minute),
            max_cache_bytes =
                COALESCE((new_limits ->> 'max_cache_bytes')::bigint, max_cache_bytes),
            is_default = is_default OR COALESCE(new_is_default, false),
            updated_at = now()
        WHERE name = plan RETURNING * INTO became;
    END IF;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, NULL, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', CASE WHEN was.name IS NULL THEN NULL
                  ELSE jsonb_difference(to_jsonb(was), to_jsonb(became)) - 'updated_at' END,
        'after', jsonb_difference(to_jsonb(became), COALESCE(to_jsonb(was), '{}')) - 'updated_at')));
    RETURN true;
END
$function$;
