CREATE OR REPLACE FUNCTION public.sign_in_attempt(step text, subjects text[], thresholds bigint[], longest bigint[], windowed boolean[], shares bigint[], gated boolean[])
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
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
                pending_until = instant + interval '30 seconds'
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
        -- The last first: whether a gated subject counts depends on the failures of those before it.
        FOR place IN
            SELECT decode(s.subject, 'hex') AS subject, s.threshold, s.longest, s.windowed
            FROM unnest(subjects, thresholds, longest, windowed, gated) WITH ORDINALITY
                AS s (subject, threshold, longest, windowed, gated, place)
            WHERE NOT s.gated OR NOT EXISTS (
                SELECT FROM unnest(subjects, shares) WITH ORDINALITY
                    AS earlier (subject, share, place)
                JOIN sign_in_attempts a ON a.subject = decode(earlier.subject, 'hex')
                WHERE earlier.place < s.place AND a.failures >= earlier.share)
            ORDER BY s.place DESC
        LOOP
            UPDATE sign_in_attempts SET failures = failures + 1
            WHERE subject = place.subject RETURNING * INTO kept;
            delay := CASE WHEN kept.failures < place.threshold THEN 0
                     ELSE least(2 ^ least(kept.failures - place.threshold, 30), place.longest) END;
            UPDATE sign_in_attempts
            SET blocked_until = instant + make_interval(secs => delay),
                forget_at = CASE WHEN place.windowed AND kept.failures > 1 THEN forget_at
                            ELSE instant + make_interval(secs => delay + 900) END
            WHERE subject = place.subject;
        END LOOP;
    END IF;
    -- Last, when nothing is waited for.
    DELETE FROM sign_in_attempts
    WHERE subject IN (SELECT subject FROM sign_in_attempts
                      WHERE forget_at <= clock_timestamp() AND pending_until <= clock_timestamp()
                      LIMIT 100 FOR UPDATE SKIP LOCKED);
    RETURN 0;
END
$function$
