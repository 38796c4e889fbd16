CREATE OR REPLACE FUNCTION public.put_plan(plan text, is_new boolean, new_limits jsonb, new_is_default boolean, entry_id uuid, entry jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
DECLARE
    was plans;
    became plans;
    given jsonb := jsonb_strip_nulls(COALESCE(new_limits, '{}'));
    columns text;
    numbers text;
    assignments text;
BEGIN
    -- One at a time: there is one default.
    LOCK TABLE plans IN SHARE ROW EXCLUSIVE MODE;
    SELECT * INTO was FROM plans WHERE name = plan;
    IF is_new = (was.name IS NOT NULL) THEN RETURN false; END IF;
    IF new_is_default AND was.is_default IS NOT TRUE THEN
        UPDATE plans SET is_default = false, updated_at = now() WHERE is_default;
    END IF;
    -- Each ends with a comma, because there may be no limits.
    SELECT string_agg(format('%I, ', key), ''), string_agg(format('%L::bigint, ', value), ''),
           string_agg(format('%I = %L::bigint, ', key, value), '')
    INTO columns, numbers, assignments FROM jsonb_each_text(given);
    IF is_new THEN
        EXECUTE format('INSERT INTO plans (name, %s is_default) VALUES ($1, %s COALESCE($2, false)) RETURNING *',
                       columns, numbers)
        INTO became USING plan, new_is_default;
    ELSE
        EXECUTE format('UPDATE plans SET %s is_default = is_default OR COALESCE($2, false), updated_at = now()
                        WHERE name = $1 RETURNING *', assignments)
        INTO became USING plan, new_is_default;
    END IF;
    INSERT INTO audit_outbox (id, tenant_id, entry)
    VALUES (entry_id, NULL, jsonb_set(entry, '{detail}', entry -> 'detail' || jsonb_build_object(
        'before', CASE WHEN was.name IS NULL THEN NULL
                  ELSE jsonb_difference(to_jsonb(was), to_jsonb(became)) - 'updated_at' END,
        'after', jsonb_difference(to_jsonb(became), COALESCE(to_jsonb(was), '{}')) - 'updated_at')));
    RETURN true;
END
$function$
