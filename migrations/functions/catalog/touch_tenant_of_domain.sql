CREATE OR REPLACE FUNCTION public.touch_tenant_of_domain()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE tenants SET slug = slug WHERE id IN (NEW.tenant_id, OLD.tenant_id);
    RETURN NULL;
END
$function$
