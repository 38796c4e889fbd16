-- A key that is rotated goes on under its old secret for as long as its owner asks.
ALTER TABLE tenant_api_keys
    ADD COLUMN previous_key_hash bytea
        CONSTRAINT tenant_api_keys_previous_key_hash_key UNIQUE
        CHECK (length(previous_key_hash) = 32),
    ADD COLUMN previous_expires_at timestamptz,
    ADD CHECK ((previous_key_hash IS NULL) = (previous_expires_at IS NULL));

-- What is to be chained to the audit trail: written in one statement with the change that it tells
-- of, and moved from here soon after.
CREATE TABLE audit_outbox (
    id uuid PRIMARY KEY,
    -- NULL is the platform's own chain.
    tenant_id uuid,
    entry jsonb NOT NULL
);

CREATE INDEX audit_outbox_by_tenant ON audit_outbox (tenant_id, id);

-- Sign-ins where Redis is away. A subject is an HMAC of an account or of an address.
CREATE TABLE sign_in_attempts (
    subject bytea PRIMARY KEY CHECK (length(subject) = 32),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    blocked_until timestamptz NOT NULL DEFAULT '-infinity',
    -- Attempts that are under way; one that never ends is forgotten.
    pending integer NOT NULL DEFAULT 0 CHECK (pending >= 0),
    pending_until timestamptz NOT NULL DEFAULT '-infinity',
    forget_at timestamptz NOT NULL
);

CREATE INDEX sign_in_attempts_by_age ON sign_in_attempts (forget_at);

-- The same rules are in attempt.lua. `step` is begin, failed, succeeded or abandoned. The first
-- subject is forgotten by a success. Returns how many milliseconds to wait; 0 to go on, and -1 where
-- as many are under way as may fail.
CREATE FUNCTION sign_in_attempt(
    step text, subjects text[], thresholds bigint[], longest bigint[], windowed boolean[]
) RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
    instant timestamptz;
    wait bigint := 0;
    place record;
    kept sign_in_attempts;
    delay double precision;
BEGIN
    -- In one order, so that two calls never wait for one another.
    FOR place IN
        SELECT decode(s, 'hex') AS subject FROM unnest(subjects) s ORDER BY 1
    LOOP
        INSERT INTO sign_in_attempts (subject, forget_at)
        VALUES (place.subject, clock_timestamp() + interval '15 minutes')
        ON CONFLICT (subject) DO UPDATE SET
            failures = CASE WHEN sign_in_attempts.forget_at > clock_timestamp()
                       THEN sign_in_attempts.failures ELSE 0 END,
            forget_at = CASE WHEN sign_in_attempts.forget_at > clock_timestamp()
                        THEN sign_in_attempts.forget_at ELSE excluded.forget_at END;
    END LOOP;
    instant := clock_timestamp();
    IF step = 'begin' THEN
        FOR place IN
            SELECT decode(s.subject, 'hex') AS subject, s.threshold
            FROM unnest(subjects, thresholds) AS s (subject, threshold)
        LOOP
            SELECT * INTO kept FROM sign_in_attempts WHERE subject = place.subject;
            IF kept.blocked_until > instant THEN
                wait := greatest(wait, ceil(
                    extract(epoch FROM kept.blocked_until - instant) * 1000)::bigint);
            ELSIF wait = 0 AND kept.pending_until > instant
                AND kept.pending >= greatest(1, place.threshold - kept.failures)
            THEN
                wait := -1;
            END IF;
        END LOOP;
        IF wait = 0 THEN
            UPDATE sign_in_attempts
            SET pending = CASE WHEN pending_until > instant THEN pending ELSE 0 END + 1,
                pending_until = instant + interval '30 seconds',
                forget_at = greatest(forget_at, instant + interval '1 minute')
            WHERE subject IN (SELECT decode(s, 'hex') FROM unnest(subjects) s);
        END IF;
        RETURN wait;
    END IF;
    UPDATE sign_in_attempts SET pending = greatest(pending - 1, 0)
    WHERE subject IN (SELECT decode(s, 'hex') FROM unnest(subjects) s);
    IF step = 'succeeded' THEN
        UPDATE sign_in_attempts SET failures = 0 WHERE subject = decode(subjects[1], 'hex');
    ELSIF step = 'failed' THEN
        FOR place IN
            SELECT decode(s.subject, 'hex') AS subject, s.threshold, s.longest, s.windowed
            FROM unnest(subjects, thresholds, longest, windowed)
                AS s (subject, threshold, longest, windowed)
        LOOP
            UPDATE sign_in_attempts SET failures = failures + 1
            WHERE subject = place.subject RETURNING * INTO kept;
            delay := CASE WHEN kept.failures < place.threshold THEN 0
                     ELSE least(2 ^ least(kept.failures - place.threshold, 30), place.longest) END;
            UPDATE sign_in_attempts
            SET blocked_until = instant + make_interval(secs => delay),
                forget_at = CASE WHEN place.windowed THEN forget_at
                            ELSE instant + make_interval(secs => delay + 900) END
            WHERE subject = place.subject;
        END LOOP;
    END IF;
    -- Last, when nothing is waited for any more.
    DELETE FROM sign_in_attempts
    WHERE subject IN (SELECT subject FROM sign_in_attempts WHERE forget_at <= clock_timestamp()
                      LIMIT 100 FOR UPDATE SKIP LOCKED);
    RETURN 0;
END
$function$;

-- Changes a tenant in one step: what is NULL stays as it is. `illegal_from` are the states that the
-- new one cannot follow. Returns the state that it was in; NULL when there is no such tenant. From an
-- illegal state nothing is changed.
CREATE FUNCTION change_tenant(
    tenant uuid, new_name text, new_admin_email text, new_plan text, new_settings jsonb,
    new_limits jsonb, new_status text, illegal_from text[], new_domains text[],
    entry_id uuid, entry jsonb
) RETURNS text LANGUAGE plpgsql AS $function$
DECLARE
    was tenants;
BEGIN
    SELECT * INTO was FROM tenants WHERE id = tenant FOR UPDATE;
    IF was.id IS NULL OR was.status = ANY (illegal_from) THEN
        RETURN was.status;
    END IF;
    UPDATE tenants SET
        name = COALESCE(new_name, name),
        admin_email = COALESCE(new_admin_email, admin_email),
        plan = COALESCE(new_plan, plan),
        settings = COALESCE(new_settings, settings),
        limit_overrides = jsonb_strip_nulls(limit_overrides || COALESCE(new_limits, '{}')),
        status = COALESCE(new_status, status),
        suspended_at = CASE WHEN new_status = 'suspended' THEN COALESCE(suspended_at, now())
                       WHEN new_status = 'active' THEN NULL ELSE suspended_at END,
        deleted_at = CASE WHEN new_status = 'deleted' THEN now() ELSE deleted_at END
    WHERE id = tenant;
    IF new_domains IS NOT NULL THEN
        DELETE FROM tenant_domains WHERE tenant_id = tenant;
        INSERT INTO tenant_domains (domain, tenant_id, is_primary)
        SELECT d.domain, tenant, d.place = 1
        FROM unnest(new_domains) WITH ORDINALITY AS d (domain, place);
    END IF;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, tenant, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', jsonb_build_object('status', was.status, 'plan', was.plan),
        'after', jsonb_build_object('status', COALESCE(new_status, was.status),
                                    'plan', COALESCE(new_plan, was.plan)))));
    RETURN was.status;
END
$function$;
