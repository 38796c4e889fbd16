CREATE OR REPLACE FUNCTION public.touch_tenant()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.version := OLD.version + 1;
    NEW.updated_at := now();
    IF NEW.settings IS DISTINCT FROM OLD.settings
        AND NEW.settings_text IS NOT DISTINCT FROM OLD.settings_text
    THEN
        NEW.settings_text := NULL;
    END IF;
    RETURN NEW;
END
$function$
