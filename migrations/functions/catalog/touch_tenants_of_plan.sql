CREATE OR REPLACE FUNCTION public.touch_tenants_of_plan()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE tenants SET plan = plan WHERE plan = NEW.name;
    RETURN NULL;
END
$function$
