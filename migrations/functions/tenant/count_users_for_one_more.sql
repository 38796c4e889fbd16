CREATE OR REPLACE FUNCTION tenancy.count_users_for_one_more()
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'tenancy', 'pg_temp'
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('one more user', 0));
    RETURN (SELECT count(*) FROM users);
END
$function$
