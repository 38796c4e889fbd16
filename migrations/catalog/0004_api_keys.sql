-- Whoever has seen a version of a key has seen what it may do: what Redis keeps of one counts for as long as
-- its version does. That it is used changes nothing.
CREATE FUNCTION touch_api_key() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF (to_jsonb(NEW) - 'last_used_at') IS DISTINCT FROM (to_jsonb(OLD) - 'last_used_at') THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER tenant_api_keys_touch BEFORE UPDATE ON tenant_api_keys
    FOR EACH ROW EXECUTE FUNCTION touch_api_key();
