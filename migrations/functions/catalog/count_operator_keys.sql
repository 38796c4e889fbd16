CREATE OR REPLACE FUNCTION public.count_operator_keys()
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('operator_keys', 0));
    RETURN (SELECT count(*) FROM operator_keys WHERE revoked_at IS NULL);
END
$function$
