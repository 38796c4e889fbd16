CREATE OR REPLACE FUNCTION public.refund_file()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE storage_usage SET used = used - OLD.held;
    RETURN NULL;
END
$function$
