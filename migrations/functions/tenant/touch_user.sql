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
    IF (NEW.role, NEW.is_active) IS DISTINCT FROM (OLD.role, OLD.is_active)
        OR ((NEW.custom_roles, NEW.groups) IS DISTINCT FROM (OLD.custom_roles, OLD.groups)
            AND current_setting('tenancy.forgetting', true) IS DISTINCT FROM 'on')
    THEN
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END
$function$
