-- What services report of use: each once by its key.
CREATE TABLE tenant_usage_reports (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    resource text NOT NULL CHECK (resource IN ('api_calls', 'ai_requests')),
    amount bigint NOT NULL CHECK (amount > 0),
    -- The day in UTC that it counts on, also where it is repeated on the next.
    day date NOT NULL,
    -- How much of the day's quota was used once it was counted; NULL until then.
    usage bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key)
);

CREATE INDEX tenant_usage_reports_by_age ON tenant_usage_reports (created_at);
CREATE INDEX tenant_usage_by_day ON tenant_usage (day);

-- What tenants' answers tell of a change of theirs.
CREATE FUNCTION tenant_facts(id uuid) RETURNS jsonb LANGUAGE sql STABLE AS $function$
    SELECT jsonb_build_object(
        'name', t.name, 'admin_email', t.admin_email, 'plan', t.plan, 'status', t.status,
        'limits', t.limit_overrides,
        'domains', (SELECT COALESCE(jsonb_agg(d.domain ORDER BY d.is_primary DESC, d.domain), '[]')
                    FROM tenant_domains d WHERE d.tenant_id = t.id))
    FROM tenants t WHERE t.id = $1
$function$;

-- Of two objects, the members of the first that the second has not.
CREATE FUNCTION jsonb_difference(one jsonb, other jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $function$
    SELECT COALESCE(jsonb_object_agg(key, value), '{}') FROM jsonb_each(one)
    WHERE other -> key IS DISTINCT FROM value
$function$;

DROP FUNCTION change_tenant(uuid, text, text, text, jsonb, jsonb, text, text[], text[], uuid, jsonb);

-- Changes a tenant in one step: what is NULL stays as it is. `illegal_from` are the states that the
-- new one cannot follow, `wanted_version` is the version that the tenant must have. Tells the state
-- that it was in, NULL when there is no such tenant, and whether it was of that version. From an
-- illegal state, and of another version, nothing is changed.
CREATE FUNCTION change_tenant(
    tenant uuid, wanted_version bigint, new_name text, new_admin_email text, new_plan text,
    new_settings jsonb, new_limits jsonb, new_status text, illegal_from text[], new_domains text[],
    entry_id uuid, entry jsonb,
    OUT before_status text, OUT is_wanted boolean
) LANGUAGE plpgsql AS $function$
DECLARE
    was tenants;
    facts_before jsonb;
    facts_after jsonb;
BEGIN
    SELECT * INTO was FROM tenants WHERE id = tenant FOR UPDATE;
    before_status := was.status;
    is_wanted := wanted_version IS NULL OR was.version = wanted_version;
    IF was.id IS NULL OR NOT is_wanted OR was.status = ANY (illegal_from) THEN
        RETURN;
    END IF;
    facts_before := tenant_facts(tenant);
    UPDATE tenants SET
        name = COALESCE(new_name, name),
        admin_email = COALESCE(new_admin_email, admin_email),
        plan = COALESCE(new_plan, plan),
        settings = COALESCE(new_settings, settings),
        limit_overrides = jsonb_strip_nulls(limit_overrides || COALESCE(new_limits, '{}')),
        status = COALESCE(new_status, status),
        suspended_at = CASE WHEN new_status = 'suspended' THEN COALESCE(suspended_at, now())
                       WHEN new_status = 'active' THEN NULL ELSE suspended_at END,
        deleted_at = CASE WHEN new_status = 'deleted' THEN COALESCE(deleted_at, now())
                     WHEN new_status IS NOT NULL THEN NULL ELSE deleted_at END
    WHERE id = tenant;
    IF new_domains IS NOT NULL THEN
        DELETE FROM tenant_domains WHERE tenant_id = tenant;
        INSERT INTO tenant_domains (domain, tenant_id, is_primary)
        SELECT d.domain, tenant, d.place = 1
        FROM unnest(new_domains) WITH ORDINALITY AS d (domain, place);
    END IF;
    facts_after := tenant_facts(tenant);
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', jsonb_difference(facts_before, facts_after),
        'after', jsonb_difference(facts_after, facts_before))));
END
$function$;

-- Makes a plan, or changes one that there is: what is NULL stays as it is. Tells whether it was done:
-- not where it is to be made and is there, or is to be changed and is not.
CREATE FUNCTION put_plan(
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
                           max_ai_requests_per_day, max_requests_per_minute, is_default)
        VALUES (plan, (new_limits ->> 'max_users')::bigint,
                (new_limits ->> 'max_storage_bytes')::bigint,
                (new_limits ->> 'max_api_calls_per_day')::bigint,
                (new_limits ->> 'max_ai_requests_per_day')::bigint,
                (new_limits ->> 'max_requests_per_minute')::bigint, COALESCE(new_is_default, false))
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

-- Where a chain's verification begins, once the months before were dropped. `seal` is a MAC by a key
-- that is in no database.
CREATE TABLE tenant_audit_anchors (
    chain uuid PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence > 0),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    seal bytea NOT NULL CHECK (length(seal) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tenant_audit_logs_by_event ON tenant_audit_logs (event, created_at);
