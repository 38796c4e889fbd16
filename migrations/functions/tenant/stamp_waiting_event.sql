CREATE OR REPLACE FUNCTION tenancy.stamp_waiting_event()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END
$function$
