CREATE OR REPLACE FUNCTION public.touch_api_key()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF (to_jsonb(NEW) - 'last_used_at') IS DISTINCT FROM (to_jsonb(OLD) - 'last_used_at') THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$
