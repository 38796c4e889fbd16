CREATE OR REPLACE FUNCTION tenancy.refund_file()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    UPDATE storage_usage SET used = used - OLD.held;
    RETURN NULL;
END
$function$
