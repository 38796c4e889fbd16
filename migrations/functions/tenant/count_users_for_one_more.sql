CREATE OR REPLACE FUNCTION public.count_users_for_one_more()
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('one more user', 0));
    RETURN (SELECT count(*) FROM users);
END
$function$
