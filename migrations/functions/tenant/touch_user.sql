CREATE OR REPLACE FUNCTION tenancy.touch_user()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    -- A sign-in is no change of the user.
    IF (to_jsonb(NEW) - 'last_login') IS DISTINCT FROM (to_jsonb(OLD) - 'last_login') THEN
        NEW.updated_at := now();
    END IF;
    IF (NEW.role, NEW.is_active) IS DISTINCT FROM (OLD.role, OLD.is_active) THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$
