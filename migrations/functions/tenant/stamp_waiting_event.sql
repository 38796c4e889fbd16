CREATE OR REPLACE FUNCTION public.stamp_waiting_event()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.written_at := clock_timestamp();
    RETURN NEW;
END
$function$
