-- Changes that PostgreSQL has and that could not reach Redis: each makes the versions of a cache entry below this
-- one invalid. Every instance works them off, and `tenantctl repair` does.
CREATE TABLE pending_publications (
    cache_key text PRIMARY KEY,
    tenant_id uuid NOT NULL,
    version bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX pending_publications_by_age ON pending_publications (recorded_at);

-- The Redis process that counted a report: another one may have started its counter without it.
ALTER TABLE tenant_usage_reports ADD COLUMN redis_process text;

-- How many calls each API key with a daily limit made, as of the last checkpoint. Only a daily limit needs it,
-- so old days are removed.
CREATE TABLE api_key_usage (
    api_key_id uuid NOT NULL REFERENCES tenant_api_keys ON DELETE CASCADE,
    day date NOT NULL,
    calls bigint NOT NULL CHECK (calls >= 0),
    PRIMARY KEY (api_key_id, day)
);

-- Files of destroyed tenants whose chunks may still be in the key-value store: only the service can remove them. An
-- upload that was under way is removed once it cannot write any longer.
CREATE TABLE orphaned_files (
    tenant_id uuid NOT NULL,
    file_id uuid NOT NULL,
    chunk_count bigint NOT NULL,
    remove_after timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, file_id)
);

-- The same rules are in attempt.lua. `step` is begin, failed, succeeded or abandoned; record_failure and
-- clear_failures are failed and succeeded of an attempt that began in Redis only. A success clears the first subject.
-- Returns the milliseconds to wait; 0 to go on, and -1 when as many are under way as may fail.
CREATE OR REPLACE FUNCTION sign_in_attempt(
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
    IF step NOT IN ('record_failure', 'clear_failures') THEN
        UPDATE sign_in_attempts SET pending = greatest(pending - 1, 0)
        WHERE subject IN (SELECT decode(s, 'hex') FROM unnest(subjects) s);
    END IF;
    IF step IN ('succeeded', 'clear_failures') THEN
        UPDATE sign_in_attempts SET failures = 0 WHERE subject = decode(subjects[1], 'hex');
    ELSIF step IN ('failed', 'record_failure') THEN
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
    -- Last, when nothing is waited for.
    DELETE FROM sign_in_attempts
    WHERE subject IN (SELECT subject FROM sign_in_attempts WHERE forget_at <= clock_timestamp()
                      LIMIT 100 FOR UPDATE SKIP LOCKED);
    RETURN 0;
END
$function$;
